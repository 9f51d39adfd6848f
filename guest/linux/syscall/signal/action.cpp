#include <cerrno>

#include "guest/linux/signal/deliver.hpp"
#include "guest/linux/signal/frame.hpp"
#include "guest/linux/signal/frame_layout.hpp"
#include "guest/linux/signal/mask.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/signal/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::signals {
namespace {

constexpr std::uint32_t kStackOn = 1;
constexpr std::uint32_t kStackDisable = 2;
constexpr std::uint32_t kStackAutodisarm = 1u << 31;
constexpr std::uint64_t kSmallestStack = 2048; // MINSIGSTKSZ

// What is ignored from now on is no longer pending either.
void discard_ignored(Process &process, int signal) {
  if (!is_ignored(process, signal)) return;
  discard_signals(process.signals.pending, signal_bit(signal));
  for (auto &task : process.tasks) discard_signals(task->signals.pending, signal_bit(signal));
}

SignalStack describe(const Task &task) {
  const AlternateStack &stack = task.signals.alternate;
  std::uint32_t flags = stack.flags;
  if (stack.size != 0 && on_alternate_stack(stack, task.registers.rsp)) flags |= kStackOn;
  return {stack.base, std::int32_t(flags), 0, stack.size};
}

int set_stack(Task &task, const SignalStack &wanted) {
  const std::uint32_t flags = std::uint32_t(wanted.flags);
  const std::uint32_t mode = flags & ~kStackAutodisarm;
  if (task.signals.alternate.size != 0 && on_alternate_stack(task.signals.alternate, task.registers.rsp)) return -EPERM;
  if (mode != 0 && mode != kStackOn && mode != kStackDisable) return -EINVAL;
  if (mode == kStackDisable) {
    task.signals.alternate = AlternateStack{};
    return 0;
  }
  if (wanted.size < kSmallestStack) return -ENOMEM;
  task.signals.alternate = {wanted.base, wanted.size, flags & kStackAutodisarm};
  return 0;
}

} // namespace

SysResult do_rt_sigaction(Call &call) {
  const int signal = call.arg_int(0);
  if (call.arg(3) != sizeof(SignalSet) || !valid_signal(signal)) return -EINVAL;
  const Gva new_at = call.arg_gva(1);
  const Gva old_at = call.arg_gva(2);
  SignalAction action;
  if (new_at.value() != 0 && !get_user(call, new_at, action)) return -EFAULT;
  if (new_at.value() != 0 && (kUnblockable & signal_bit(signal)) != 0) return -EINVAL;
  SignalAction old;
  {
    LockGuard guard(call.kernel.mutex);
    SignalAction &slot = call.process.actions->of[std::size_t(signal)];
    old = slot;
    if (new_at.value() != 0) {
      action.mask &= ~kUnblockable;
      slot = action;
      discard_ignored(call.process, signal);
    }
  }
  if (old_at.value() != 0 && !put_user(call, old_at, old)) return -EFAULT;
  return 0;
}

SysResult do_sigaltstack(Call &call) {
  const SignalStack old = describe(call.task);
  if (call.arg(0) != 0) {
    SignalStack wanted{};
    if (!get_user(call, call.arg_gva(0), wanted)) return -EFAULT;
    if (const int error = set_stack(call.task, wanted)) return error;
  }
  if (call.arg(1) != 0 && !put_user(call, call.arg_gva(1), old)) return -EFAULT;
  return 0;
}

SysResult do_rt_sigreturn(Call &call) {
  const auto mask = leave_handler(call.kernel, call.task);
  LockGuard guard(call.kernel.mutex);
  if (mask)
    set_blocked(call.kernel, call.task, *mask);
  else
    force_signal(call.kernel, call.task, signal_info(SIGSEGV, SI_KERNEL));
  return SysResult::leave();
}

} // namespace pagoda::kernel::signals
