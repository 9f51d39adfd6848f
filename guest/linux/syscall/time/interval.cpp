// getitimer(2), setitimer(2) and alarm(2).
#include <cerrno>

#include "guest/linux/syscall/time/cpu_time.hpp"
#include "guest/linux/syscall/time/handlers.hpp"
#include "guest/linux/syscall/time_state.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::timing {

namespace {

Nanoseconds now_for(const Process &process, int which) {
  if (which == ITIMER_REAL) return read_host_clock(CLOCK_MONOTONIC);
  const CpuTime used = cpu_time(process);
  return Nanoseconds(which == ITIMER_VIRTUAL ? used.user_ns : used.total());
}

itimerval current(Process &process, int which) {
  const Schedule &schedule = timers_of(process).intervals[std::size_t(which)].schedule;
  return {.it_interval = to_timeval(schedule.interval),
          .it_value = to_timeval_up(schedule.remaining(now_for(process, which)))};
}

itimerval replace(Call &call, int which, Nanoseconds value, Nanoseconds interval) {
  const LockGuard guard(call.kernel.mutex);
  const itimerval before = current(call.process, which);
  Schedule &schedule = timers_of(call.process).intervals[std::size_t(which)].schedule;
  schedule.armed = value != 0;
  schedule.interval = interval;
  schedule.next = saturating_sum(now_for(call.process, which), value);
  arm_interval(call.kernel, call.process, which);
  return before;
}

bool known(int which) { return which == ITIMER_REAL || which == ITIMER_VIRTUAL || which == ITIMER_PROF; }

} // namespace

SysResult do_getitimer(Call &call) {
  if (!known(call.arg_int(0))) return SysResult::error(EINVAL);
  itimerval now{};
  {
    const LockGuard guard(call.kernel.mutex);
    now = current(call.process, call.arg_int(0));
  }
  return put_user(call, call.arg_gva(1), now) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_setitimer(Call &call) {
  const int which = call.arg_int(0);
  itimerval wanted{}; // a null pointer disarms, as Linux still allows
  if (call.arg(1) != 0 && !get_user(call, call.arg_gva(1), wanted)) return SysResult::error(EFAULT);
  if (!known(which) || !valid(wanted.it_value) || !valid(wanted.it_interval)) return SysResult::error(EINVAL);
  const itimerval before = replace(call, which, to_ns(wanted.it_value), to_ns(wanted.it_interval));
  if (call.arg(2) != 0 && !put_user(call, call.arg_gva(2), before)) return SysResult::error(EFAULT);
  return 0;
}

SysResult do_alarm(Call &call) {
  const Nanoseconds wait = Nanoseconds(call.arg_uint(0)) * kSecond;
  const timeval left = replace(call, ITIMER_REAL, wait, 0).it_value;
  // Rounded to the nearest second, but an alarm that is still due never reads as none.
  if (left.tv_sec == 0 && left.tv_usec != 0) return 1;
  return left.tv_sec + (left.tv_usec >= 500'000 ? 1 : 0);
}

} // namespace pagoda::kernel::timing
