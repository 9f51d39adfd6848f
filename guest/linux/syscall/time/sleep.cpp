// nanosleep(2) and clock_nanosleep(2).
#include <cerrno>

#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/syscall/time/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::timing {

namespace {

struct Sleep : CallState {
  bool begun = false;
  Nanoseconds until = 0; // on the clock slept by
};

std::optional<Nanoseconds> now_on(Call &call, const ClockId &clock) {
  if (!clock.is_cpu()) return read_host_clock(clock.host);
  const LockGuard guard(call.kernel.mutex);
  return read_clock(call.kernel, call.task, clock);
}

// Until when to look again. Processor time passes at most once a vCPU as fast as real time; where it
// stands still there is nothing to be woken by, hence the floor.
Deadline next_look(Call &call, const ClockId &clock, Nanoseconds remaining) {
  if (!clock.is_cpu()) return deadline_in(remaining);
  const auto cpus = Nanoseconds(std::max<std::size_t>(1, call.kernel.platform().cpus.size()));
  return deadline_in(std::max<Nanoseconds>(remaining / cpus, kSecond / 250));
}

SysResult sleep(Call &call, const ClockId &clock, const timespec &request, bool absolute, Gva remainder) {
  const auto now = now_on(call, clock);
  if (!now) return SysResult::error(EINVAL);
  auto &state = call.keep<Sleep>();
  if (!state.begun) {
    state.begun = true;
    state.until = absolute ? to_ns(request) : saturating_sum(*now, to_ns(request));
  }
  if (*now >= state.until) return 0;
  const Nanoseconds remaining = state.until - *now;
  if (call.woken == Wake::Signal) {
    if (!absolute && remainder.value() != 0 && !put_user(call, remainder, to_timespec(remaining)))
      return SysResult::error(EFAULT);
    return SysResult::error(EINTR);
  }
  WaitFor wait;
  wait.deadline = next_look(call, clock, remaining);
  wait.on_signal = WaitFor::OnSignal::Interrupt;
  return SysResult::park(std::move(wait));
}

} // namespace

SysResult do_nanosleep(Call &call) {
  timespec request{};
  if (!get_user(call, call.arg_gva(0), request)) return SysResult::error(EFAULT);
  if (!valid(request)) return SysResult::error(EINVAL);
  ClockId clock;
  clock.host = CLOCK_MONOTONIC;
  return sleep(call, clock, request, false, call.arg_gva(1));
}

SysResult do_clock_nanosleep(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock) return SysResult::error(EINVAL);
  if (clock->coarse_or_raw) return SysResult::error(EOPNOTSUPP);
  // A thread cannot wait for time that only it could spend.
  if (clock->kind == ClockId::Kind::Thread) return SysResult::error(clock->id == 0 ? EINVAL : EOPNOTSUPP);
  timespec request{};
  if (!get_user(call, call.arg_gva(2), request)) return SysResult::error(EFAULT);
  if (!valid(request)) return SysResult::error(EINVAL);
  const bool absolute = (call.arg_int(1) & TIMER_ABSTIME) != 0;
  return sleep(call, *clock, request, absolute, call.arg_gva(3));
}

} // namespace pagoda::kernel::timing
