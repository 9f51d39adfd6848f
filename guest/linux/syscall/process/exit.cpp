#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/syscall/process/handlers.hpp"

namespace pagoda::kernel::process {

SysResult do_exit(Call &call) {
  LockGuard guard(call.kernel.mutex);
  call.task.exit_code = call.arg_int(0);
  call.task.exiting = true;
  return SysResult::leave();
}

SysResult do_exit_group(Call &call) {
  LockGuard guard(call.kernel.mutex);
  begin_group_exit(call.kernel, call.process, exited_status(call.arg_int(0)));
  return SysResult::leave();
}

} // namespace pagoda::kernel::process
