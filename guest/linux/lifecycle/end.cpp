#include "guest/linux/lifecycle/end.hpp"

#include <algorithm>
#include <utility>

#include "guest/linux/lifecycle/thread_cleanup.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/job_control.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/time_state.hpp" // ProcessTimers end here

namespace pagoda::kernel {
namespace {

// What a process owns that is given back without the kernel's lock: unmapping and closing take time.
struct Belongings {
  std::shared_ptr<space::Space> space;
  std::shared_ptr<FdTable> fds;
  std::shared_ptr<FsContext> fs;
};

void forget_vfork_child(Kernel &kernel, Task &parent) PAGODA_REQUIRES(kernel.mutex) {
  if (!std::exchange(parent.awaits_vfork, false)) return;
  for (auto &[pid, process] : kernel.processes) {
    for (auto &task : process->tasks) {
      if (task->vfork_parent == &parent) task->vfork_parent = nullptr;
    }
  }
}

// The task stops to be one of its process's threads; its object is returned, unless it is the
// leader's, which stands for the process until that is reaped.
std::unique_ptr<Task> retire(Kernel &kernel, Task &task) PAGODA_REQUIRES(kernel.mutex) {
  Process &process = task.process();
  if (task.queue != nullptr) task.queue->remove(task);
  forget_vfork_child(kernel, task);
  task.state = TaskState::Dead;
  task.cpu = -1;
  process.live_tasks--;
  if (process.live_tasks == 0 || &task == &process.leader()) return nullptr;
  add_to_dead(process, task);
  const auto is_it = [&](const auto &owned) { return owned.get() == &task; };
  const auto it = std::ranges::find_if(process.tasks, is_it);
  std::unique_ptr<Task> object = std::move(*it);
  process.tasks.erase(it);
  return object;
}

// Children go to the nearest ancestor that asked for orphans, else to init.
std::uint32_t new_parent(Kernel &kernel, const Process &process) PAGODA_REQUIRES(kernel.mutex) {
  std::uint32_t pid = process.parent;
  for (std::size_t steps = 0; pid > 1 && steps < kernel.processes.size(); ++steps) {
    const Process *ancestor = kernel.find_process(pid);
    if (ancestor == nullptr) break;
    if (ancestor->child_subreaper && !ancestor->zombie && !ancestor->group_exiting) return pid;
    pid = ancestor->parent;
  }
  return 1;
}

void give_children_away(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex) {
  std::vector<Process *> orphans;
  for (auto &[pid, child] : kernel.processes) {
    if (child->parent == process.pid()) orphans.push_back(child.get());
  }
  if (orphans.empty()) return;
  const std::uint32_t parent = new_parent(kernel, process);
  for (Process *child : orphans) {
    child->parent = parent;
    child->exit_signal = SIGCHLD;
    if (child->parent_death_signal != 0 && !child->zombie) {
      send_to_process(kernel, *child, signal_info(child->parent_death_signal, SI_USER, process.pid()));
    }
    if (child->zombie && parent != process.pid()) announce_end(kernel, *child);
  }
}

void record_end_of_init(Kernel &kernel, const Process &init) PAGODA_REQUIRES(kernel.mutex) {
  const int signal = init.wait_status & 0x7f;
  if (!kernel.ending) {
    kernel.result.signal = signal;
    kernel.result.exit_code = signal != 0 ? 128 + signal : init.wait_status >> 8 & 0xff;
  }
  kill_everything(kernel);
}

void end_process(Kernel &kernel, Process &process) {
  Belongings belongings;
  {
    LockGuard guard(kernel.mutex);
    note_usage(kernel, process);
    if (!process.group_exiting) process.wait_status = exited_status(process.leader().exit_code);
    process.timers.reset();
    belongings = {std::move(process.space), std::move(process.fds), std::move(process.fs)};
    process.space = nullptr;
    process.fds = nullptr;
    process.fs = nullptr;
    release_vfork_parent(kernel, process.leader());
  }
  belongings = {};
  LockGuard guard(kernel.mutex);
  give_children_away(kernel, process);
  process.zombie = true;
  const bool is_init = process.pid() == 1;
  const bool last_one = kernel.ending;
  announce_end(kernel, process); // may erase it
  if (is_init) {
    if (const Process *init = kernel.find_process(1)) record_end_of_init(kernel, *init);
  } else if (last_one) {
    kill_everything(kernel);
  }
}

} // namespace

void add_to_dead(Process &process, const Task &task) {
  process.dead_user_ns += task.user_ns;
  process.dead_system_ns += task.system_ns;
  process.dead_minor_faults += task.minor_faults;
  process.dead_major_faults += task.major_faults;
}

void announce_end(Kernel &kernel, Process &process) {
  Process *parent = kernel.find_process(process.parent);
  const int status = process.wait_status;
  const int signal = status & 0x7f;
  notify_parent(kernel, process, signal != 0 ? CLD_KILLED : CLD_EXITED, signal != 0 ? signal : status >> 8 & 0xff);
  if (parent == nullptr || process.pid() == 1) return;
  const SignalAction &action = action_of(*parent, SIGCHLD);
  const bool unwanted = action.handler == kHandlerIgnore || (action.flags & SA_NOCLDWAIT) != 0;
  if (process.exit_signal == SIGCHLD && unwanted) reap(kernel, process);
}

void end_task(Kernel &kernel, Task &task) {
  Process &process = task.process();
  clean_up_thread(kernel, task); // touches guest memory: robust futexes, clear_child_tid
  std::unique_ptr<Task> object;
  bool last = false;
  {
    LockGuard guard(kernel.mutex);
    object = retire(kernel, task);
    last = process.live_tasks == 0;
    if (!last) {
      offer_pending(kernel, process); // what this thread was to take
      kernel.scheduler().wake_all(process.thread_exits);
      announce_stop(kernel, process);
    }
  }
  if (last) end_process(kernel, process);
}

} // namespace pagoda::kernel
