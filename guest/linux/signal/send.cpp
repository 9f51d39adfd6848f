#include "guest/linux/signal/send.hpp"

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/job_control.hpp"
#include "guest/linux/signal/pending.hpp"

namespace pagoda::kernel {
namespace {

bool blocks(const Task &task, int signal) { return (task.signals.blocked & signal_bit(signal)) != 0; }
bool awaits(const Task &task, int signal) { return (task.signals.awaited & signal_bit(signal)) != 0; }
bool may_take(const Task &task, int signal) {
  return task.state != TaskState::Dead && !task.exiting && (!blocks(task, signal) || awaits(task, signal));
}

// The thread that is to take a signal of the process: the leader when it can.
Task *taker(Process &process, int signal) {
  for (auto &task : process.tasks) {
    if (may_take(*task, signal)) return task.get();
  }
  return nullptr;
}

void notify(Kernel &kernel, Task &task, int signal) PAGODA_REQUIRES(kernel.mutex) {
  if (!may_take(task, signal)) return;
  // A wait that only death ends does not outlive a signal that means death.
  const bool deaf = task.state == TaskState::Parked && task.wait && task.wait->on_signal == WaitFor::OnSignal::Killable;
  if (deaf && is_fatal(task.process(), signal)) return begin_group_exit(kernel, task.process(), signal);
  kernel.scheduler().interrupt(task);
}

// Stop and continue cancel each other, whoever blocks or ignores them.
void cancel_opposite(Kernel &kernel, Process &process, int signal) PAGODA_REQUIRES(kernel.mutex) {
  const bool stops = (kStopSignals & signal_bit(signal)) != 0;
  if (!stops && signal != SIGCONT) return;
  const SignalSet opposite = stops ? signal_bit(SIGCONT) : kStopSignals;
  discard_signals(process.signals.pending, opposite);
  for (auto &task : process.tasks) discard_signals(task->signals.pending, opposite);
  if (signal == SIGCONT) continue_process(kernel, process);
}

// `task` null: to the process.
bool post(Kernel &kernel, Process &process, Task *task, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex) {
  const int signal = info.si_signo;
  if (process.zombie || process.live_tasks == 0 || !valid_signal(signal)) return true;
  if (signal == SIGKILL) {
    begin_group_exit(kernel, process, SIGKILL);
    return true;
  }
  cancel_opposite(kernel, process, signal);
  const Task &judge = task != nullptr ? *task : process.leader();
  if (is_ignored(process, signal) && !blocks(judge, signal)) return true;
  Task *target = task != nullptr ? task : taker(process, signal);
  const bool stops = (kStopSignals & signal_bit(signal)) != 0 && action_of(process, signal).handler == kHandlerDefault;
  // A stop takes effect without ending anybody's wait.
  if (stops && target != nullptr && !blocks(*target, signal) && !awaits(*target, signal)) {
    stop_process(kernel, process, signal);
    return true;
  }
  if (!queue_signal(task != nullptr ? task->signals.pending : process.signals.pending, info)) return false;
  kernel.statistics().signals++;
  if (target != nullptr) notify(kernel, *target, signal);
  return true;
}

} // namespace

SignalInfo signal_info(int signal, int code, std::uint32_t sender_pid, std::uint32_t sender_uid) {
  SignalInfo info{};
  info.si_signo = signal;
  info.si_code = code;
  info.si_pid = pid_t(sender_pid);
  info.si_uid = sender_uid;
  return info;
}

SignalInfo fault_info(int signal, int code, Gva address) {
  SignalInfo info{};
  info.si_signo = signal;
  info.si_code = code;
  info.si_addr = reinterpret_cast<void *>(address.value());
  return info;
}

bool send_to_task(Kernel &kernel, Task &task, const SignalInfo &info) {
  return post(kernel, task.process(), &task, info);
}

bool send_to_process(Kernel &kernel, Process &process, const SignalInfo &info) {
  return post(kernel, process, nullptr, info);
}

unsigned send_to_group(Kernel &kernel, std::uint32_t group, const SignalInfo &info) {
  unsigned count = 0;
  for (auto &[pid, process] : kernel.processes) {
    if (process->group != group || process->zombie) continue;
    ++count;
    send_to_process(kernel, *process, info);
  }
  return count;
}

void force_signal(Kernel &kernel, Task &task, const SignalInfo &info) {
  Process &process = task.process();
  const SignalSet bit = signal_bit(info.si_signo);
  if ((task.signals.blocked & bit) != 0 || action_of(process, info.si_signo).handler == kHandlerIgnore) {
    process.actions->of[std::size_t(info.si_signo)] = SignalAction{};
    task.signals.blocked &= ~bit;
  }
  queue_signal(task.signals.pending, info);
  kernel.statistics().signals++;
  kernel.scheduler().interrupt(task);
}

void offer_pending(Kernel &kernel, Process &process) {
  for (int signal = 1; signal <= kSignals; ++signal) {
    if ((process.signals.pending.set & signal_bit(signal)) == 0) continue;
    if (Task *target = taker(process, signal)) notify(kernel, *target, signal);
  }
}

} // namespace pagoda::kernel
