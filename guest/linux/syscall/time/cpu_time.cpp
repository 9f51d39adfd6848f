#include "guest/linux/syscall/time/cpu_time.hpp"

namespace pagoda::kernel {

CpuTime cpu_time(const Task &task) { return {task.user_ns, task.system_ns}; }

CpuTime cpu_time(const Process &process) {
  CpuTime sum{process.dead_user_ns, process.dead_system_ns};
  for (const auto &task : process.tasks) {
    sum.user_ns += task->user_ns;
    sum.system_ns += task->system_ns;
  }
  return sum;
}

} // namespace pagoda::kernel
