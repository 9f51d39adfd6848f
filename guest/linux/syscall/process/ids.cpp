#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/process/handlers.hpp"

namespace pagoda::kernel::process {

SysResult do_getpid(Call &call) { return call.process.pid(); }
SysResult do_gettid(Call &call) { return call.task.tid(); }

SysResult do_getppid(Call &call) {
  LockGuard guard(call.kernel.mutex);
  return call.process.parent;
}

SysResult do_set_tid_address(Call &call) {
  call.task.clear_child_tid = call.arg_gva(0);
  return call.task.tid();
}

} // namespace pagoda::kernel::process
