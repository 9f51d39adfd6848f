// Reading clocks. Setting them is refused: the time is the host's.
#include <cerrno>
#include <sys/times.h>
#include <sys/timex.h>

#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/syscall/time/cpu_time.hpp"
#include "guest/linux/syscall/time/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::timing {

SysResult do_clock_gettime(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock) return SysResult::error(EINVAL);
  std::optional<Nanoseconds> now;
  if (clock->is_cpu()) {
    const LockGuard guard(call.kernel.mutex);
    now = read_clock(call.kernel, call.task, *clock);
  } else {
    now = read_host_clock(clock->host);
  }
  if (!now) return SysResult::error(EINVAL);
  return put_user(call, call.arg_gva(1), to_timespec(*now)) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_clock_getres(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock) return SysResult::error(EINVAL);
  timespec resolution{.tv_sec = 0, .tv_nsec = 1};
  if (clock->is_cpu()) {
    const LockGuard guard(call.kernel.mutex);
    if (!read_clock(call.kernel, call.task, *clock)) return SysResult::error(EINVAL);
  } else if (::clock_getres(clock->host, &resolution) != 0) {
    return SysResult::error(EINVAL);
  }
  if (call.arg(1) == 0) return 0;
  return put_user(call, call.arg_gva(1), resolution) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_clock_settime(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock || clock->host != CLOCK_REALTIME || clock->is_cpu()) return SysResult::error(EINVAL);
  timespec wanted{};
  if (!get_user(call, call.arg_gva(1), wanted)) return SysResult::error(EFAULT);
  return SysResult::error(valid(wanted) ? EPERM : EINVAL);
}

SysResult do_gettimeofday(Call &call) {
  const timeval now = to_timeval(read_host_clock(CLOCK_REALTIME));
  if (call.arg(0) != 0 && !put_user(call, call.arg_gva(0), now)) return SysResult::error(EFAULT);
  constexpr struct timezone kUtc{};
  if (call.arg(1) != 0 && !put_user(call, call.arg_gva(1), kUtc)) return SysResult::error(EFAULT);
  return 0;
}

SysResult do_settimeofday(Call &call) {
  timeval wanted{};
  if (call.arg(0) != 0) {
    if (!get_user(call, call.arg_gva(0), wanted)) return SysResult::error(EFAULT);
    if (!valid(wanted)) return SysResult::error(EINVAL);
  }
  return SysResult::error(EPERM);
}

SysResult do_time(Call &call) {
  const std::int64_t now = read_host_clock(CLOCK_REALTIME) / kSecond;
  if (call.arg(0) != 0 && !put_user(call, call.arg_gva(0), now)) return SysResult::error(EFAULT);
  return now;
}

SysResult do_times(Call &call) {
  tms answer{};
  {
    const LockGuard guard(call.kernel.mutex);
    const CpuTime own = cpu_time(call.process);
    const rusage &children = call.process.children_usage;
    answer.tms_utime = clock_t(to_ticks(own.user_ns));
    answer.tms_stime = clock_t(to_ticks(own.system_ns));
    answer.tms_cutime = clock_t(to_ticks(std::uint64_t(to_ns(children.ru_utime))));
    answer.tms_cstime = clock_t(to_ticks(std::uint64_t(to_ns(children.ru_stime))));
  }
  if (call.arg(0) != 0 && !put_user(call, call.arg_gva(0), answer)) return SysResult::error(EFAULT);
  return std::int64_t(to_ticks(std::uint64_t(read_host_clock(CLOCK_BOOTTIME))));
}

namespace {

// Reading the state of the host's clock discipline is harmless; changing it is not a guest's to do.
SysResult adjust(Call &call, Gva at) {
  timex state{};
  if (!get_user(call, at, state)) return SysResult::error(EFAULT);
  if (state.modes != 0) return SysResult::error(EPERM);
  const int status = ::adjtimex(&state);
  if (status < 0) return SysResult::error(errno);
  return put_user(call, at, state) ? SysResult(status) : SysResult::error(EFAULT);
}

} // namespace

SysResult do_adjtimex(Call &call) { return adjust(call, call.arg_gva(0)); }

SysResult do_clock_adjtime(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock) return SysResult::error(EINVAL);
  if (call.arg_int(0) != CLOCK_REALTIME) return SysResult::error(EOPNOTSUPP);
  return adjust(call, call.arg_gva(1));
}

} // namespace pagoda::kernel::timing
