// Futexes: tasks that wait for a word of guest memory to change.
//
// Source: futex(2), Linux kernel/futex as behaviour. A private futex is known by its address space
// and address, a shared one by the frame that holds the word, so that two mappings of one object
// meet. A waiter keeps its frame pinned: it cannot become another futex meanwhile.
// All functions need Kernel::mutex; words are pinned by the caller before it takes the lock.
#pragma once

#include <array>
#include <cstdint>

#include "guest/linux/sched/wait_queue.hpp"
#include "mmu/base/address.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class Kernel;
class Task;

struct FutexKey {
  const void *space = nullptr; // null: shared, and `address` is guest-physical
  std::uint64_t address = 0;
  bool operator==(const FutexKey &) const = default;
};

inline constexpr std::uint32_t kFutexAnyBit = 0xffffffff;

// One wait in progress: owned by the waiting call's state, and in a bucket while it waits.
struct FutexWait {
  FutexKey key;
  std::uint32_t bits = kFutexAnyBit;
  bool woken = false; // by a wake-up, as opposed to a timeout or a signal
};

class Futexes {
public:
  explicit Futexes(Kernel &kernel) : kernel_(kernel) {}
  void add(Task &task, FutexWait &wait);
  unsigned wake(const FutexKey &key, unsigned limit, std::uint32_t bits);
  // Wakes up to `wake_limit` and moves up to `move_limit` of the rest to `to`; both counts together.
  unsigned requeue(const FutexKey &from, const FutexKey &to, unsigned wake_limit, unsigned move_limit);

private:
  static constexpr std::size_t kBuckets = 256;
  [[nodiscard]] WaitQueue &bucket(const FutexKey &key);

  Kernel &kernel_;
  std::array<WaitQueue, kBuckets> buckets_;
};

// A wake-up of the shared kind on behalf of a thread that ended (clear_child_tid, robust lists):
// glibc waits for it without FUTEX_PRIVATE. Takes Kernel::mutex itself; a bad address does nothing.
void wake_shared_futex(Kernel &kernel, Task &task, Gva word);

} // namespace pagoda::kernel
