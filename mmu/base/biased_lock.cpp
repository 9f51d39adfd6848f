#include "mmu/base/biased_lock.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace pagoda {

bool BiasedLock::needs_own_fence() {
  static const bool missing = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0;
  return missing;
}

bool BiasedLock::enter_attentively() {
  if ((attention_.load(std::memory_order_relaxed) & kFences) != 0) std::atomic_thread_fence(std::memory_order_seq_cst);
  if ((attention_.load(std::memory_order_acquire) & kVisited) == 0) return true;
  busy_.store(false, std::memory_order_release);
  return false;
}

void BiasedLock::begin_visit() {
  const std::uint8_t before = attention_.fetch_or(kVisited, std::memory_order_seq_cst);
  if ((before & kFences) != 0 || PAGODA_TSAN)
    std::atomic_thread_fence(std::memory_order_seq_cst);
  else
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  while (busy_.load(std::memory_order_acquire)) std::this_thread::yield();
}

} // namespace pagoda
