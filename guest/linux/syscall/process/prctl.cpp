#include <array>
#include <cerrno>
#include <cstring>
#include <sys/prctl.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {
namespace {

constexpr std::size_t kNameBytes = 16; // TASK_COMM_LEN
constexpr std::int64_t kTimerSlackNs = 50'000;
constexpr std::uint64_t kLastCapability = 40; // CAP_CHECKPOINT_RESTORE

SysResult set_name(Call &call) {
  const auto text = fault::copy_string(*call.process.space, call.arg_gva(1), kNameBytes);
  std::string name;
  if (text) {
    name = *text;
  } else {
    std::array<std::byte, kNameBytes> bytes{}; // longer than that: cut, as Linux does
    if (fault::copy_in(*call.process.space, call.arg_gva(1), bytes) != bytes.size()) return -EFAULT;
    name.assign(reinterpret_cast<const char *>(bytes.data()), kNameBytes - 1);
  }
  LockGuard guard(call.kernel.mutex);
  call.task.name = name.substr(0, kNameBytes - 1);
  return 0;
}

SysResult get_name(Call &call) {
  std::array<char, kNameBytes> name{};
  {
    LockGuard guard(call.kernel.mutex); // another thread may set it through /proc
    std::memcpy(name.data(), call.task.name.data(), std::min(call.task.name.size(), kNameBytes - 1));
  }
  return put_user(call, call.arg_gva(1), name) ? 0 : -EFAULT;
}

SysResult put_int(Call &call, int value) { return put_user(call, call.arg_gva(1), value) ? 0 : -EFAULT; }

SysResult set_death_signal(Call &call) {
  const std::uint64_t signal = call.arg(1);
  if (signal > std::uint64_t(kSignals)) return -EINVAL;
  LockGuard guard(call.kernel.mutex);
  call.process.parent_death_signal = int(signal);
  return 0;
}

SysResult set_flag(Call &call, bool Process::*flag) {
  LockGuard guard(call.kernel.mutex);
  call.process.*flag = call.arg(1) != 0;
  return 0;
}

SysResult set_dumpable(Call &call) {
  return call.arg(1) > 1 ? SysResult::error(EINVAL) : set_flag(call, &Process::dumpable);
}

SysResult set_no_new_privileges(Call &call) {
  if (call.arg(1) != 1 || call.arg(2) != 0 || call.arg(3) != 0 || call.arg(4) != 0) return -EINVAL;
  return set_flag(call, &Process::no_new_privileges);
}

} // namespace

SysResult do_prctl(Call &call) {
  switch (call.arg_int(0)) {
  case PR_SET_PDEATHSIG: return set_death_signal(call);
  case PR_GET_PDEATHSIG: return put_int(call, call.process.parent_death_signal);
  case PR_GET_DUMPABLE: return int(call.process.dumpable);
  case PR_SET_DUMPABLE: return set_dumpable(call);
  case PR_SET_NAME: return set_name(call);
  case PR_GET_NAME: return get_name(call);
  case PR_GET_KEEPCAPS: return 0;
  case PR_SET_KEEPCAPS: return call.arg(1) > 1 ? -EINVAL : 0;
  case PR_GET_SECCOMP: return 0;
  case PR_CAPBSET_READ: return call.arg(1) > kLastCapability ? -EINVAL : 1;
  case PR_GET_TIMERSLACK: return kTimerSlackNs;
  case PR_SET_TIMERSLACK: return 0; // timers here are the host's
  case PR_SET_CHILD_SUBREAPER: return set_flag(call, &Process::child_subreaper);
  case PR_GET_CHILD_SUBREAPER: return put_int(call, int(call.process.child_subreaper));
  case PR_SET_NO_NEW_PRIVS: return set_no_new_privileges(call);
  case PR_GET_NO_NEW_PRIVS: return int(call.process.no_new_privileges);
  case PR_GET_THP_DISABLE: return 0;
  case PR_SET_THP_DISABLE: return 0;
  case PR_GET_TSC: return put_int(call, PR_TSC_ENABLE);
  case PR_GET_TID_ADDRESS: return put_user(call, call.arg_gva(1), call.task.clear_child_tid.value()) ? 0 : -EFAULT;
  default: return -EINVAL;
  }
}

} // namespace pagoda::kernel::process
