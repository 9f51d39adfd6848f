#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/syscall/schedule/handlers.hpp"

namespace pagoda::kernel::schedule {

SysResult do_sched_yield(Call &call) {
  LockGuard guard(call.kernel.mutex);
  call.kernel.scheduler().yield(call.task);
  return 0;
}

} // namespace pagoda::kernel::schedule
