#include <cerrno>

#include "guest/linux/signal/mask.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/signal/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::signals {
namespace {

// Waits for a signal that is handled; a spurious wake-up waits on.
SysResult sleep_until_signal(const Call &call) {
  if (call.woken == Wake::Signal) return -EINTR;
  WaitFor wait;
  wait.on_signal = WaitFor::OnSignal::Interrupt;
  return SysResult::park(std::move(wait));
}

} // namespace

SysResult do_rt_sigprocmask(Call &call) {
  if (call.arg(3) != sizeof(SignalSet)) return -EINVAL;
  const Gva new_at = call.arg_gva(1);
  const Gva old_at = call.arg_gva(2);
  SignalSet set = 0;
  if (new_at.value() != 0 && !get_user(call, new_at, set)) return -EFAULT;
  SignalSet old = 0;
  {
    LockGuard guard(call.kernel.mutex);
    old = call.task.signals.blocked;
    if (new_at.value() != 0) {
      switch (call.arg_int(0)) {
      case SIG_BLOCK: set_blocked(call.kernel, call.task, old | set); break;
      case SIG_UNBLOCK: set_blocked(call.kernel, call.task, old & ~set); break;
      case SIG_SETMASK: set_blocked(call.kernel, call.task, set); break;
      default: return -EINVAL;
      }
    }
  }
  if (old_at.value() != 0 && !put_user(call, old_at, old)) return -EFAULT;
  return 0;
}

SysResult do_rt_sigpending(Call &call) {
  if (call.arg(1) > sizeof(SignalSet)) return -EINVAL;
  SignalSet set = 0;
  {
    LockGuard guard(call.kernel.mutex);
    const TaskSignals &own = call.task.signals;
    set = (own.pending.set | call.process.signals.pending.set) & own.blocked;
  }
  const auto bytes = std::as_bytes(std::span(&set, 1)).first(call.arg(1));
  return fault::copy_out(*call.process.space, call.arg_gva(0), bytes) == bytes.size() ? 0 : -EFAULT;
}

SysResult do_rt_sigsuspend(Call &call) {
  if (call.arg(1) != sizeof(SignalSet)) return -EINVAL;
  if (call.woken == Wake::None) {
    SignalSet set = 0;
    if (!get_user(call, call.arg_gva(0), set)) return -EFAULT;
    LockGuard guard(call.kernel.mutex);
    set_temporary_mask(call.kernel, call.task, set);
  }
  return sleep_until_signal(call);
}

SysResult do_pause(Call &call) { return sleep_until_signal(call); }

} // namespace pagoda::kernel::signals
