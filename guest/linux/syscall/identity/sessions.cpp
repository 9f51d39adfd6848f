// Process groups and sessions (setpgid(2), setsid(2)).
#include <algorithm>
#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/handlers.hpp"

namespace pagoda::kernel::identity {

namespace {

// pid 0 is the caller; a null result is ESRCH.
Process *target_of(Call &call, std::uint32_t pid) PAGODA_REQUIRES(call.kernel.mutex) {
  return pid == 0 ? &call.process : call.kernel.find_process(pid);
}

bool group_in_session(Kernel &kernel, std::uint32_t group, std::uint32_t session) PAGODA_REQUIRES(kernel.mutex) {
  for (const auto &[pid, process] : kernel.processes)
    if (process->group == group && process->session == session) return true;
  return false;
}

} // namespace

SysResult do_getpgrp(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  return call.process.group;
}

SysResult do_getpgid(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  const Process *target = target_of(call, call.arg_uint(0));
  return target != nullptr ? SysResult(target->group) : SysResult::error(ESRCH);
}

SysResult do_getsid(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  const Process *target = target_of(call, call.arg_uint(0));
  return target != nullptr ? SysResult(target->session) : SysResult::error(ESRCH);
}

SysResult do_setpgid(Call &call) {
  if (call.arg_int(1) < 0) return SysResult::error(EINVAL);
  const LockGuard guard(call.kernel.mutex);
  Process *target = target_of(call, call.arg_uint(0));
  if (target == nullptr) return SysResult::error(ESRCH);
  const bool child = target->parent == call.process.pid();
  if (target != &call.process && !child) return SysResult::error(ESRCH);
  if (child && target->session != call.process.session) return SysResult::error(EPERM);
  if (child && target->did_exec) return SysResult::error(EACCES);
  if (target->session == target->pid()) return SysResult::error(EPERM);
  const std::uint32_t group = call.arg_uint(1) == 0 ? target->pid() : call.arg_uint(1);
  if (group != target->pid() && !group_in_session(call.kernel, group, call.process.session))
    return SysResult::error(EPERM);
  target->group = group;
  return 0;
}

SysResult do_setsid(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  const std::uint32_t pid = call.process.pid();
  const bool leads_a_group =
      std::ranges::any_of(call.kernel.processes, [&](const auto &entry) { return entry.second->group == pid; });
  if (leads_a_group) return SysResult::error(EPERM);
  call.process.session = pid;
  call.process.group = pid;
  return pid;
}

} // namespace pagoda::kernel::identity
