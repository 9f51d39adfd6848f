// Tasks over vCPUs: one host thread per vCPU takes the runnable task that has had least weighted
// time, runs it until it parks, ends or has used its slice, and handles its exits. The slice timer
// kicks a vCPU only when somebody waits for it. A blocking call parks its task; an idle vCPU sleeps.
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
  // Wakes up to `limit` waiters for which `match(waiter)` holds; how many were woken.
  template <class Match> unsigned wake_queue(WaitQueue &queue, unsigned limit, Match &&match);

  // Runs all vCPU threads and the event loop until `stop()`.
  void run();
  void stop(); // any thread

private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace pagoda::kernel
