// Where tasks wait for something inside the guest: a child, a futex, a stopped process.
//
// All of it is guarded by Kernel::mutex. A waiter is queued with the lock held that also guards the
// condition, so a wake-up between the check and the actual parking is not lost: it marks the task,
// and the scheduler then does not park it.
#pragma once

#include <cstdint>
#include <list>

namespace pagoda::kernel {

class Task;

// Why a parked task runs again.
enum class Wake : std::uint8_t { None, Ready, Timeout, Signal };

class WaitQueue {
public:
  struct Waiter {
    Task *task;
    std::uint64_t key = 0; // futex bitset and the like; the waker decides
  };
  void add(Task &task, std::uint64_t key = 0);
  void remove(Task &task);
  [[nodiscard]] bool empty() const { return waiters_.empty(); }
  [[nodiscard]] std::list<Waiter> &waiters() { return waiters_; }

private:
  std::list<Waiter> waiters_;
};

} // namespace pagoda::kernel
