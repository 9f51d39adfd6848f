// One vCPU and the host thread that drives it.
//
// Life of one turn: take a task; { under Kernel::mutex decide what it needs before user code may run
// (its end, a stop, the rest of a parked call, a signal, room for another task); do that; run the
// vCPU; handle the exit }. Every exit passes the decision, so nothing posted under the mutex is
// missed: a poster kicks only a vCPU that is in guest mode.
#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>

#include "guest/linux/cpu.hpp"
#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler_state.hpp"
#include "guest/linux/sched/weights.hpp"

namespace pagoda::kernel {

class Worker {
public:
  Worker(Scheduler::State &state, Cpu &cpu, int index)
      : state_(state), kernel_(state.kernel), cpu_(cpu), index_(index) {}

  void start();
  void join();

  // Kernel::mutex
  [[nodiscard]] bool idle() const { return idle_; }
  [[nodiscard]] Task *current() const { return current_; }
  [[nodiscard]] int index() const { return index_; }
  void notify();  // there is work for an idle worker; it does not count as idle from now on
  void preempt(); // the running task makes room at its next exit, which comes soon
  void kick();    // leave guest mode soon, if it is there
  [[nodiscard]] Clock::time_point slice_begin() const { return slice_begin_; }

private:
  // What a task needs before its user code may run on.
  enum class Next : std::uint8_t {
    Run,
    Call,    // the parked call's handler is called again
    Deliver, // a signal
    End,     // it must die
    Migrate, // this vCPU is not among those that it may use
    Drop,    // it is no longer ours: stopped, or makes room
  };
  void loop();
  Task *take_task();         // waits for one; null: stop
  void run_task(Task &task); // until it parks, stops, ends or makes room

  Next decide(Task &task);
  Next decide_locked(Task &task) PAGODA_REQUIRES(kernel_.mutex);
  Next decide_parked_call(Task &task) PAGODA_REQUIRES(kernel_.mutex);
  void migrate(Task &task);                                            // its affinity has changed
  void leave(Task &task, TaskState as) PAGODA_REQUIRES(kernel_.mutex); // the vCPU is free for another
  void account(Task &task) PAGODA_REQUIRES(kernel_.mutex);

  void enter_guest(Task &task);
  // False: the task has parked, it is not ours any more.
  bool handle(Task &task, const VmExit &exit);
  bool system_call(Task &task, Wake woken);
  bool park(Task &task, WaitFor wait);
  void end(Task &task);
  void charge_host_time();

  // Brings the task's vector state onto this vCPU. It stays there after the task has left, and the
  // task bound to this vCPU with it, until another task needs the vCPU.
  void load_fpu(Task &task);
  void release_fpu();

  Scheduler::State &state_;
  Kernel &kernel_;
  Cpu &cpu_;
  const int index_;
  std::thread thread_;
  std::condition_variable_any wake_up_;
  // Kernel::mutex
  bool idle_ = false;
  Task *current_ = nullptr;
  Clock::time_point slice_begin_{};
  // own thread
  Task *fpu_owner_ = nullptr; // bound to this vCPU by Task::fpu_on_cpu, or current
  Wake woken_ = Wake::None;   // for the parked call that decide() found
  VmExit exit_{};             // of the last turn
  Clock::time_point host_since_{};
  std::uint64_t guest_ns_ = 0; // not yet accounted
  std::uint64_t host_ns_ = 0;
  // any thread
  std::atomic<bool> in_guest_{false};
  std::atomic<bool> make_room_{false};
};

} // namespace pagoda::kernel
