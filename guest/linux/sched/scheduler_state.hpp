// What the scheduler and its workers share. Everything is guarded by Kernel::mutex unless atomic.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "guest/linux/sched/reactor.hpp"
#include "guest/linux/sched/run_queue.hpp"
#include "guest/linux/sched/scheduler.hpp"

namespace pagoda::kernel {

class Worker;

// How long a task runs while others wait for its vCPU. An exit costs about 25 µs on the slowest
// hosts, so a preemption takes less than 1 % of a slice.
inline constexpr std::chrono::milliseconds kSlice{4};
// A task that wakes up takes a vCPU away from one that has had this much more than it (ns, weighted).
inline constexpr std::uint64_t kWakeupLead = 1'000'000;

struct Scheduler::State {
  explicit State(Kernel &owner);
  ~State();

  void enqueue(Task &task);
  void wake(Task &task, Wake why);
  void kick(Task &task);
  // Gives the task to a sleeping worker, or sees to it that a running one makes room.
  void offer(Task &task);
  void preempt_for(Task &task);
  void arm_slice_timer();
  void on_slice_end();
  void stop_all();

  Kernel &kernel;
  RunQueue runnable;
  Reactor reactor;
  std::vector<std::unique_ptr<Worker>> workers;
  boost::asio::steady_timer slice_timer;
  bool slice_timer_armed = false;
  std::atomic<bool> stopping{false};
};

} // namespace pagoda::kernel
