#include <cerrno>

#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/signal/handlers.hpp"
#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::signals {
namespace {

struct TimedWaitState : CallState {
  SignalSet set = 0;
  std::optional<Deadline> deadline;
  bool only_look = false; // a timeout of zero
};

// 0, or an errno.
int read_request(Call &call, TimedWaitState &state) {
  if (call.arg(3) != sizeof(SignalSet)) return EINVAL;
  if (!get_user(call, call.arg_gva(0), state.set)) return EFAULT;
  state.set &= ~kUnblockable;
  if (call.arg(2) == 0) return 0;
  timespec timeout{};
  if (!get_user(call, call.arg_gva(2), timeout)) return EFAULT;
  if (!valid(timeout)) return EINVAL;
  state.only_look = to_ns(timeout) == 0;
  state.deadline = deadline_in(to_ns(timeout));
  return 0;
}

} // namespace

SysResult do_rt_sigtimedwait(Call &call) {
  const bool first = call.woken == Wake::None;
  auto &state = call.keep<TimedWaitState>();
  if (first) {
    if (const int error = read_request(call, state)) return SysResult::error(error);
  }
  std::optional<SignalInfo> info;
  {
    LockGuard guard(call.kernel.mutex);
    info = take_signal(call.task, state.set);
    const bool over = info || call.woken == Wake::Signal || call.woken == Wake::Timeout || state.only_look;
    call.task.signals.awaited = over ? 0 : state.set;
  }
  if (info) {
    if (call.arg(1) != 0 && !put_user(call, call.arg_gva(1), *info)) return -EFAULT;
    return info->si_signo;
  }
  if (call.woken == Wake::Signal) return -EINTR;
  if (call.woken == Wake::Timeout || state.only_look) return -EAGAIN;
  WaitFor wait;
  wait.deadline = state.deadline;
  wait.on_signal = WaitFor::OnSignal::Interrupt;
  return SysResult::park(std::move(wait));
}

} // namespace pagoda::kernel::signals
