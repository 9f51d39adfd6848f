#include <cerrno>

#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/signal/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::signals {
namespace {

constexpr std::uint32_t kRoot = 0;

// kill(2): root, or the same user; SIGCONT within a session.
bool permitted(const Process &sender, const Process &target, int signal) {
  const Credentials &s = sender.credentials;
  const Credentials &t = target.credentials;
  if (s.euid == kRoot || s.euid == t.uid || s.euid == t.suid || s.uid == t.uid || s.uid == t.suid) return true;
  return signal == SIGCONT && sender.session == target.session;
}

// 0, or an errno. Signal 0 only asks.
int send_checked(Call &call, Process &target, const SignalInfo &info) PAGODA_REQUIRES(call.kernel.mutex) {
  if (!permitted(call.process, target, info.si_signo)) return EPERM;
  if (info.si_signo == 0) return 0;
  return send_to_process(call.kernel, target, info) ? 0 : EAGAIN;
}

// To all that `matches`: ESRCH when there are none, EPERM when none may be signalled.
int send_to_many(Call &call, const SignalInfo &info, auto &&matches) PAGODA_REQUIRES(call.kernel.mutex) {
  int result = ESRCH;
  for (auto &[pid, process] : call.kernel.processes) {
    if (!matches(*process)) continue;
    const int error = send_checked(call, *process, info);
    if (error == 0 || result == ESRCH) result = error;
  }
  return result;
}

SignalInfo own_info(const Call &call, int signal, int code) {
  return signal_info(signal, code, call.process.pid(), call.process.credentials.uid);
}

bool valid_or_zero(int signal) { return signal == 0 || valid_signal(signal); }

// tkill, tgkill and rt_tgsigqueueinfo; `group` 0: whatever process the thread belongs to.
int send_to_thread(Call &call, int group, int tid, const SignalInfo &info) {
  LockGuard guard(call.kernel.mutex);
  Task *task = call.kernel.find_task(std::uint32_t(tid));
  if (task == nullptr || (group != 0 && task->process().pid() != std::uint32_t(group))) return ESRCH;
  if (!permitted(call.process, task->process(), info.si_signo)) return EPERM;
  if (info.si_signo == 0 || task->state == TaskState::Dead) return 0;
  return send_to_task(call.kernel, *task, info) ? 0 : EAGAIN;
}

// Programs may not pretend to be the kernel or kill() towards others.
bool pretends(const SignalInfo &info) { return info.si_code >= 0 || info.si_code == SI_TKILL; }

} // namespace

SysResult do_kill(Call &call) {
  const int pid = call.arg_int(0);
  const int signal = call.arg_int(1);
  if (!valid_or_zero(signal)) return -EINVAL;
  if (pid == INT32_MIN) return -ESRCH;
  LockGuard guard(call.kernel.mutex);
  const SignalInfo info = own_info(call, signal, SI_USER);
  if (pid > 0) {
    Process *target = call.kernel.find_process(std::uint32_t(pid));
    return SysResult::error(target == nullptr ? ESRCH : send_checked(call, *target, info));
  }
  if (pid == -1) {
    return SysResult::error(send_to_many(
        call, info, [&](const Process &process) { return process.pid() != 1 && &process != &call.process; }));
  }
  const std::uint32_t group = pid == 0 ? call.process.group : std::uint32_t(-pid);
  return SysResult::error(send_to_many(call, info, [&](const Process &process) { return process.group == group; }));
}

SysResult do_tkill(Call &call) {
  const int tid = call.arg_int(0);
  const int signal = call.arg_int(1);
  if (tid <= 0 || !valid_or_zero(signal)) return -EINVAL;
  return SysResult::error(send_to_thread(call, 0, tid, own_info(call, signal, SI_TKILL)));
}

SysResult do_tgkill(Call &call) {
  const int group = call.arg_int(0);
  const int tid = call.arg_int(1);
  const int signal = call.arg_int(2);
  if (group <= 0 || tid <= 0 || !valid_or_zero(signal)) return -EINVAL;
  return SysResult::error(send_to_thread(call, group, tid, own_info(call, signal, SI_TKILL)));
}

SysResult do_rt_sigqueueinfo(Call &call) {
  const int pid = call.arg_int(0);
  SignalInfo info{};
  if (!get_user(call, call.arg_gva(2), info)) return -EFAULT;
  info.si_signo = call.arg_int(1);
  if (!valid_or_zero(info.si_signo)) return -EINVAL;
  LockGuard guard(call.kernel.mutex);
  Process *target = call.kernel.find_process(std::uint32_t(pid));
  if (pid <= 0 || target == nullptr) return -ESRCH;
  if (pretends(info) && target != &call.process) return -EPERM;
  return SysResult::error(send_checked(call, *target, info));
}

SysResult do_rt_tgsigqueueinfo(Call &call) {
  const int group = call.arg_int(0);
  const int tid = call.arg_int(1);
  SignalInfo info{};
  if (!get_user(call, call.arg_gva(3), info)) return -EFAULT;
  info.si_signo = call.arg_int(2);
  if (group <= 0 || tid <= 0 || !valid_or_zero(info.si_signo)) return -EINVAL;
  if (pretends(info) && std::uint32_t(group) != call.process.pid()) return -EPERM;
  return SysResult::error(send_to_thread(call, group, tid, info));
}

} // namespace pagoda::kernel::signals
