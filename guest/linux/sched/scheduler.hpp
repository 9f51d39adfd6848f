// Tasks over vCPUs: one host thread per vCPU takes the runnable task that has had least weighted
// time, runs it until it parks, ends or has used its slice, and handles its exits. The slice timer
// kicks a vCPU only when somebody waits for it. A blocking call parks its task; an idle vCPU sleeps.
//
// Life of a wait: a handler returns `SysResult::park(WaitFor)`; the worker, under Kernel::mutex,
// parks the task unless a wake was posted or a signal came meanwhile; whatever comes first of
// descriptor, deadline, queue and signal makes it runnable; the handler is called again.
#pragma once

#include <memory>

#include "guest/linux/sched/wait_queue.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class Kernel;
class Task;

class Scheduler {
public:
  explicit Scheduler(Kernel &kernel);
  ~Scheduler();

  // All with Kernel::mutex held.
  void enqueue(Task &task);        // newly runnable
  void wake(Task &task, Wake why); // a parked task; posted if it is about to park
  void kick(Task &task);           // a running task leaves guest mode soon
  void interrupt(Task &task);      // a signal is there for it: ends a wait or leaves guest mode
  void resume(Task &task);         // a stopped task goes on
  void yield(Task &task);          // the running task lets those go first that wait for its vCPU
  void kill(Task &task);           // `exiting` was set: it runs to its end whatever it does now
  // Wakes up to `limit` waiters for which `match(waiter)` holds; how many were woken.
  template <class Match> unsigned wake_queue(WaitQueue &queue, unsigned limit, Match &&match) {
    unsigned woken = 0;
    auto &waiters = queue.waiters();
    for (auto it = waiters.begin(); it != waiters.end() && woken < limit;) {
      const WaitQueue::Waiter waiter = *it++; // wake() takes it out of the queue
      if (!match(waiter)) continue;
      wake(*waiter.task, Wake::Ready);
      ++woken;
    }
    return woken;
  }
  void wake_all(WaitQueue &queue) {
    wake_queue(queue, ~0u, [](const WaitQueue::Waiter &) { return true; });
  }

  // Runs all vCPU threads and the event loop until `stop()`.
  void run();
  void stop(); // any thread

  struct State; // sched/scheduler_state.hpp

private:
  std::unique_ptr<State> state_;
};

} // namespace pagoda::kernel
