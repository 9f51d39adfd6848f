#include <utility>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/sched/scheduler.hpp"

namespace pagoda::kernel {
namespace {

void condemn(Kernel &kernel, Task &task) PAGODA_REQUIRES(kernel.mutex) {
  if (task.state == TaskState::Dead) return;
  task.exiting = true;
  kernel.scheduler().kill(task);
}

} // namespace

void begin_group_exit(Kernel &kernel, Process &process, int wait_status) {
  if (process.group_exiting || process.zombie) return;
  process.group_exiting = true;
  process.wait_status = wait_status;
  process.stop_signal = 0;
  for (auto &task : process.tasks) condemn(kernel, *task);
}

void kill_other_threads(Kernel &kernel, Task &survivor) {
  for (auto &task : survivor.process().tasks) {
    if (task.get() != &survivor) condemn(kernel, *task);
  }
}

void release_vfork_parent(Kernel &kernel, Task &child) {
  Task *parent = std::exchange(child.vfork_parent, nullptr);
  if (parent == nullptr) return;
  parent->awaits_vfork = false;
  kernel.scheduler().wake(*parent, Wake::Ready);
}

void kill_everything(Kernel &kernel) {
  kernel.ending = true;
  bool any_left = false;
  for (auto &[pid, process] : kernel.processes) {
    if (process->zombie) continue;
    any_left = true;
    begin_group_exit(kernel, *process, SIGKILL);
  }
  if (!any_left) kernel.scheduler().stop();
}

} // namespace pagoda::kernel
