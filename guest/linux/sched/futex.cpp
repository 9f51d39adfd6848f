#include "guest/linux/sched/futex.hpp"

#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "mmu/fault/guest_memory.hpp"

namespace pagoda::kernel {
namespace {

// A waiter's queue key is the address of its FutexWait, which lives in the call's state as long as
// the task stands in a bucket.
FutexWait &wait_of(const WaitQueue::Waiter &waiter) { return *reinterpret_cast<FutexWait *>(waiter.key); }

} // namespace

WaitQueue &Futexes::bucket(const FutexKey &key) {
  std::uint64_t hash = key.address ^ (reinterpret_cast<std::uintptr_t>(key.space) << 7);
  hash *= 0x9e3779b97f4a7c15ull; // Fibonacci hashing: the high bits are well mixed
  return buckets_[hash >> 56];
}

void Futexes::add(Task &task, FutexWait &wait) {
  wait.woken = false;
  bucket(wait.key).add(task, reinterpret_cast<std::uintptr_t>(&wait));
}

unsigned Futexes::wake(const FutexKey &key, unsigned limit, std::uint32_t bits) {
  return kernel_.scheduler().wake_queue(bucket(key), limit, [&](const WaitQueue::Waiter &waiter) {
    FutexWait &wait = wait_of(waiter);
    if (wait.key != key || (wait.bits & bits) == 0) return false;
    wait.woken = true;
    return true;
  });
}

unsigned Futexes::requeue(const FutexKey &from, const FutexKey &to, unsigned wake_limit, unsigned move_limit) {
  const unsigned woken = wake(from, wake_limit, kFutexAnyBit);
  if (from == to) return woken; // what would be moved stays where it is
  unsigned moved = 0;
  auto &waiters = bucket(from).waiters();
  for (auto it = waiters.begin(); it != waiters.end() && moved < move_limit;) {
    const WaitQueue::Waiter waiter = *it++; // add() takes it out of its queue
    FutexWait &wait = wait_of(waiter);
    if (wait.key != from) continue;
    wait.key = to;
    bucket(to).add(*waiter.task, waiter.key);
    ++moved;
  }
  return woken + moved;
}

void wake_shared_futex(Kernel &kernel, Task &task, Gva word) {
  const auto space = task.process().space;
  if (!space) return;
  auto pinned = fault::PinnedWord::pin(*space, word, Access::Read);
  if (!pinned) return;
  const FutexKey shared{nullptr, pinned->frame().gpa().value() + word.page_offset()};
  const FutexKey own{space.get(), word.value()};
  LockGuard guard(kernel.mutex);
  if (kernel.futexes().wake(shared, 1, kFutexAnyBit) == 0) kernel.futexes().wake(own, 1, kFutexAnyBit);
}

} // namespace pagoda::kernel
