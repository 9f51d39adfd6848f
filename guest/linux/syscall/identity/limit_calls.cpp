// getrlimit(2), setrlimit(2) and prlimit(2), and what a new limit takes effect on.
#include <cerrno>
#include <optional>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/identity/handlers.hpp"
#include "guest/linux/syscall/identity/limits.hpp"
#include "guest/linux/syscall/time_state.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::identity {

namespace {

bool known(unsigned resource) { return resource < RLIM_NLIMITS; }

void take_effect(Kernel &kernel, Process &process, unsigned resource) PAGODA_REQUIRES(kernel.mutex) {
  switch (resource) {
  case RLIMIT_STACK:
  case RLIMIT_AS:
  case RLIMIT_DATA:
    if (process.space) process.space->set_limits(space_limits(process.limits));
    break;
  case RLIMIT_NOFILE:
    if (process.fds) process.fds->set_limit(int(std::min(process.limits[RLIMIT_NOFILE].rlim_cur, kMaxOpenFiles)));
    break;
  case RLIMIT_CPU: watch_cpu_time(kernel, process); break;
  default: break;
  }
}

bool may_change(const Process &caller, const Process &target) {
  const Credentials &mine = caller.credentials;
  const Credentials &theirs = target.credentials;
  if (&caller == &target || capable(mine, Capability::SysResource)) return true;
  return mine.uid == theirs.euid && mine.uid == theirs.suid && mine.uid == theirs.uid && mine.gid == theirs.egid &&
         mine.gid == theirs.sgid && mine.gid == theirs.gid;
}

// Swaps a limit; 0 or an errno.
int exchange(Call &call, std::uint32_t pid, unsigned resource, const std::optional<rlimit> &wanted, rlimit &before) {
  const LockGuard guard(call.kernel.mutex);
  Process *target = &call.process;
  if (pid != 0) {
    Task *task = call.kernel.find_task(pid);
    if (task == nullptr || task->process().zombie) return ESRCH;
    target = &task->process();
  }
  if (!may_change(call.process, *target)) return EPERM;
  rlimit &limit = target->limits[resource];
  before = limit;
  if (!wanted) return 0;
  const bool privileged = capable(call.process.credentials, Capability::SysResource);
  if (const int error = check_limit(int(resource), limit, *wanted, privileged); error != 0) return error;
  limit = *wanted;
  take_effect(call.kernel, *target, resource);
  return 0;
}

SysResult limit_call(Call &call, std::uint32_t pid, unsigned resource, Gva new_at, Gva old_at) {
  if (!known(resource)) return SysResult::error(EINVAL);
  std::optional<rlimit> wanted;
  if (new_at.value() != 0 && !get_user(call, new_at, wanted.emplace())) return SysResult::error(EFAULT);
  rlimit before{};
  if (const int error = exchange(call, pid, resource, wanted, before); error != 0) return SysResult::error(error);
  if (old_at.value() != 0 && !put_user(call, old_at, before)) return SysResult::error(EFAULT);
  return 0;
}

} // namespace

SysResult do_getrlimit(Call &call) {
  if (call.arg(1) == 0 && known(call.arg_uint(0))) return SysResult::error(EFAULT);
  return limit_call(call, 0, call.arg_uint(0), Gva(), call.arg_gva(1));
}

SysResult do_setrlimit(Call &call) {
  if (call.arg(1) == 0) return SysResult::error(EFAULT);
  return limit_call(call, 0, call.arg_uint(0), call.arg_gva(1), Gva());
}

SysResult do_prlimit64(Call &call) {
  return limit_call(call, call.arg_uint(0), call.arg_uint(1), call.arg_gva(2), call.arg_gva(3));
}

} // namespace pagoda::kernel::identity
