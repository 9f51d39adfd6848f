#include "guest/linux/proc/snapshot.hpp"

#include <algorithm>

#include "guest/linux/syscall/time/cpu_time.hpp"
#include "mmu/space/policy_pages.hpp"

namespace pagoda::kernel {

namespace {

char state_letter(const Task &task, bool zombie) {
  if (zombie) return 'Z';
  switch (task.state) {
  case TaskState::Runnable:
  case TaskState::Running: return 'R';
  case TaskState::Parked: return 'S';
  case TaskState::Stopped: return 'T';
  case TaskState::Dead: return 'X';
  }
  return 'S';
}

ThreadFigures thread_figures(const Task &task, bool zombie) {
  ThreadFigures figures;
  figures.tid = task.tid();
  figures.name = task.name;
  figures.state = state_letter(task, zombie);
  figures.nice = task.nice;
  const CpuTime time = cpu_time(task);
  figures.user_ns = time.user_ns;
  figures.system_ns = time.system_ns;
  figures.minor_faults = task.minor_faults;
  figures.major_faults = task.major_faults;
  figures.voluntary_switches = task.voluntary_switches;
  figures.involuntary_switches = task.involuntary_switches;
  figures.start_ns = task.start_ns;
  figures.processor = std::max(0, task.cpu >= 0 ? task.cpu : task.last_cpu);
  figures.affinity = task.affinity;
  figures.policy = task.policy;
  figures.pending = task.signals.pending.set;
  figures.blocked = task.signals.blocked;
  return figures;
}

void sum_threads(const Process &process, ProcessFigures &figures) {
  const CpuTime time = cpu_time(process);
  figures.sum.user_ns = time.user_ns;
  figures.sum.system_ns = time.system_ns;
  figures.sum.minor_faults = process.dead_minor_faults;
  figures.sum.major_faults = process.dead_major_faults;
  for (const auto &task : process.tasks) {
    figures.sum.minor_faults += task->minor_faults;
    figures.sum.major_faults += task->major_faults;
    figures.queued_signals += task->signals.pending.queue.size();
    figures.threads += task->state != TaskState::Dead || process.zombie ? 1 : 0;
  }
  figures.queued_signals += process.signals.pending.queue.size();
}

void copy_actions(const Process &process, ProcessFigures &figures) {
  if (!process.actions) return;
  for (int signal = 1; signal <= kSignals; ++signal) {
    const std::uint64_t handler = process.actions->of[std::size_t(signal)].handler;
    if (handler == 1)
      figures.ignored |= signal_bit(signal);
    else if (handler != 0)
      figures.caught |= signal_bit(signal);
  }
}

} // namespace

std::expected<ProcessFigures, int> figures_of(Kernel &kernel, std::uint32_t pid, std::uint32_t tid) {
  ProcessFigures figures;
  figures.cpus = unsigned(std::max<std::size_t>(1, kernel.platform().cpus.size()));
  figures.nodes = space::memory_nodes(kernel.platform().memory);
  const LockGuard guard(kernel.mutex);
  const Process *process = kernel.find_process(pid);
  if (process == nullptr || process->tasks.empty()) return unexpected(ESRCH);
  const auto task = tid == 0 ? process->tasks.begin()
                             : std::ranges::find_if(process->tasks, [&](const auto &t) { return t->tid() == tid; });
  if (task == process->tasks.end()) return unexpected(ESRCH);
  figures.pid = process->pid();
  figures.parent = process->parent;
  figures.group = process->group;
  figures.session = process->session;
  figures.whole_process = tid == 0;
  figures.thread = thread_figures(**task, process->zombie);
  sum_threads(*process, figures);
  figures.zombie = process->zombie;
  figures.exit_code = process->wait_status;
  figures.exit_signal = process->exit_signal;
  figures.credentials = process->credentials;
  figures.limits = process->limits;
  figures.image = process->image;
  if (!process->zombie) figures.space = process->space;
  figures.fds = process->fds;
  figures.umask = process->fs ? process->fs->umask() : 0;
  figures.pending = process->signals.pending.set;
  copy_actions(*process, figures);
  figures.children = process->children_usage;
  figures.no_new_privileges = process->no_new_privileges;
  figures.oom_score_adj = process->oom_score_adj;
  return figures;
}

std::expected<ProcessFigures, int> figures_of(const View &view) {
  if (view.kernel == nullptr) return unexpected(ENOENT);
  return figures_of(*view.kernel, view.pid, view.tid);
}

} // namespace pagoda::kernel
