// membarrier(2). A vCPU's user code runs on its host thread, so the host's own private expedited
// barrier, which reaches every running thread of this process, reaches every running guest thread.
#include <cerrno>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/futex/handlers.hpp"

namespace pagoda::kernel::futexes {
namespace {

constexpr int kOffered =
    MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

long host_membarrier(int command) { return ::syscall(SYS_membarrier, command, 0, 0); }

// Whether this host process has the private barrier; registers for it on the first question.
bool host_has_barrier() {
  static const bool has = [] {
    const long commands = host_membarrier(MEMBARRIER_CMD_QUERY);
    constexpr int kNeeded = MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    return commands > 0 && (commands & kNeeded) == kNeeded &&
           host_membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  }();
  return has;
}

SysResult barrier() { return host_membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0 ? 0 : -EAGAIN; }

} // namespace

SysResult do_membarrier(Call &call) {
  if (!host_has_barrier()) return -ENOSYS;
  if (call.arg_uint(1) != 0) return -EINVAL;
  switch (call.arg_int(0)) {
  case MEMBARRIER_CMD_QUERY: return kOffered;
  case MEMBARRIER_CMD_GLOBAL: return barrier();
  case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: {
    LockGuard guard(call.kernel.mutex);
    call.process.membarrier_registered = true;
    return 0;
  }
  case MEMBARRIER_CMD_PRIVATE_EXPEDITED: return call.process.membarrier_registered ? barrier() : -EPERM;
  default: return -EINVAL;
  }
}

} // namespace pagoda::kernel::futexes
