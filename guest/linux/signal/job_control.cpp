#include "guest/linux/signal/job_control.hpp"

#include <algorithm>

#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/time/cpu_time.hpp"
#include "guest/linux/syscall/time/timespec.hpp"

namespace pagoda::kernel {
void stop_process(Kernel &kernel, Process &process, int signal) {
  if (process.stop_signal != 0 || process.group_exiting) return;
  process.stop_signal = signal;
  process.stop_announced = false;
  for (auto &task : process.tasks) kernel.scheduler().kick(*task);
  announce_stop(kernel, process);
}

void announce_stop(Kernel &kernel, Process &process) {
  if (process.stop_signal == 0 || process.stop_announced || process.live_tasks == 0) return;
  const auto runs = [](const auto &task) { return task->state == TaskState::Running; };
  if (std::ranges::any_of(process.tasks, runs)) return;
  process.stop_announced = true;
  process.stop_reported = false;
  process.continued_reported = true;
  notify_parent(kernel, process, CLD_STOPPED, process.stop_signal);
}

void continue_process(Kernel &kernel, Process &process) {
  if (process.stop_signal == 0) return;
  const bool announced = process.stop_announced;
  process.stop_signal = 0;
  process.stop_announced = false;
  process.stop_reported = true;
  for (auto &task : process.tasks) kernel.scheduler().resume(*task);
  if (!announced) return;
  process.continued_reported = false;
  notify_parent(kernel, process, CLD_CONTINUED, SIGCONT);
}

SignalInfo child_info(const Process &child, int code, int status) {
  const CpuTime used = cpu_time(child);
  SignalInfo info = signal_info(SIGCHLD, code, child.pid(), child.credentials.uid);
  info.si_status = status;
  info.si_utime = clock_t(to_ticks(used.user_ns));
  info.si_stime = clock_t(to_ticks(used.system_ns));
  return info;
}

void notify_parent(Kernel &kernel, Process &child, int code, int status) {
  Process *parent = kernel.find_process(child.parent);
  if (parent == nullptr) return;
  const bool ended = code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED;
  const bool wants = ended || (action_of(*parent, SIGCHLD).flags & SA_NOCLDSTOP) == 0;
  SignalInfo info = child_info(child, code, status);
  info.si_signo = ended ? child.exit_signal : SIGCHLD;
  // First the waiters, then the signal: wait4 finds the child before a handler runs, as on Linux.
  kernel.scheduler().wake_all(parent->child_events);
  if (wants && info.si_signo != 0) send_to_process(kernel, *parent, info);
}

} // namespace pagoda::kernel
