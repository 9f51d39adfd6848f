// timer_create(2), timer_settime(2), timer_gettime(2), timer_getoverrun(2), timer_delete(2).
#include <cerrno>

#include "guest/linux/syscall/time/handlers.hpp"
#include "guest/linux/syscall/time_state.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::timing {

namespace {

// struct sigevent as the kernel takes it; glibc's own has the thread id under another name.
struct UserSigevent {
  sigval value;
  std::int32_t signal;
  std::int32_t notify;
  std::int32_t thread;
  std::array<std::int32_t, 11> padding;
};
static_assert(sizeof(UserSigevent) == 64);

int apply_event(Call &call, const UserSigevent &event, PosixTimer &timer) PAGODA_REQUIRES(call.kernel.mutex) {
  switch (event.notify) {
  case SIGEV_NONE: break;
  case SIGEV_THREAD_ID: {
    const Task *target = call.kernel.find_task(std::uint32_t(event.thread));
    if (target == nullptr || &target->process() != &call.process) return EINVAL;
    timer.thread = std::uint32_t(event.thread);
    [[fallthrough]];
  }
  case SIGEV_SIGNAL:
  case SIGEV_THREAD:
    if (event.signal <= 0 || event.signal > kSignals) return EINVAL;
    break;
  default: return EINVAL;
  }
  timer.notify = event.notify == SIGEV_THREAD ? SIGEV_SIGNAL : event.notify;
  timer.signal = event.signal;
  timer.value = event.value;
  return 0;
}

PosixTimer *find(Call &call, int id) PAGODA_REQUIRES(call.kernel.mutex) {
  auto &timers = timers_of(call.process).posix;
  const auto found = timers.find(id);
  return found == timers.end() ? nullptr : &found->second;
}

itimerspec current(Call &call, const PosixTimer &timer) PAGODA_REQUIRES(call.kernel.mutex) {
  itimerspec answer{};
  answer.it_interval = to_timespec(timer.schedule.interval);
  const auto now = read_clock(call.kernel, call.task, timer.clock);
  if (!now) return answer;
  Schedule schedule = timer.schedule; // a copy: reading does not take expirations
  (void)schedule.expire(*now);
  answer.it_value = to_timespec(schedule.remaining(*now));
  return answer;
}

// A CPU clock of "the caller" stays the creator's: pinned to its pid or tid.
void pin_clock(const Call &call, ClockId &clock) {
  if (clock.id != 0) return;
  if (clock.kind == ClockId::Kind::Process) clock.id = call.process.pid();
  if (clock.kind == ClockId::Kind::Thread) clock.id = call.task.tid();
}

int create(Call &call, PosixTimer timer, const std::optional<UserSigevent> &event) {
  const LockGuard guard(call.kernel.mutex);
  if (!read_clock(call.kernel, call.task, timer.clock)) return -EINVAL;
  ProcessTimers &timers = timers_of(call.process);
  if (timers.posix.size() >= ProcessTimers::kMaxTimers) return -EAGAIN;
  while (timers.posix.contains(timers.next_id)) timers.next_id = (timers.next_id + 1) & 0x7fffffff;
  timer.id = timers.next_id;
  timers.next_id = (timers.next_id + 1) & 0x7fffffff;
  timer.value.sival_ptr = nullptr;
  timer.value.sival_int = timer.id;
  if (event) {
    if (const int error = apply_event(call, *event, timer); error != 0) return -error;
  }
  const int id = timer.id;
  timers.posix.emplace(id, std::move(timer));
  return id;
}

void erase(Call &call, int id) {
  const LockGuard guard(call.kernel.mutex);
  timers_of(call.process).posix.erase(id);
}

} // namespace

SysResult do_timer_create(Call &call) {
  const auto clock = decode_clock(call.arg_int(0));
  if (!clock) return SysResult::error(EINVAL);
  if (clock->coarse_or_raw) return SysResult::error(EOPNOTSUPP);
  std::optional<UserSigevent> event;
  if (call.arg(1) != 0 && !get_user(call, call.arg_gva(1), event.emplace())) return SysResult::error(EFAULT);
  PosixTimer timer;
  timer.clock = *clock;
  pin_clock(call, timer.clock);
  const int id = create(call, std::move(timer), event);
  if (id < 0) return id;
  if (put_user(call, call.arg_gva(2), std::int32_t(id))) return 0;
  erase(call, id);
  return SysResult::error(EFAULT);
}

SysResult do_timer_settime(Call &call) {
  itimerspec wanted{};
  if (call.arg(2) == 0) return SysResult::error(EINVAL);
  if (!get_user(call, call.arg_gva(2), wanted)) return SysResult::error(EFAULT);
  if (!valid(wanted.it_value) || !valid(wanted.it_interval)) return SysResult::error(EINVAL);
  itimerspec before{};
  {
    const LockGuard guard(call.kernel.mutex);
    PosixTimer *timer = find(call, call.arg_int(0));
    if (timer == nullptr) return SysResult::error(EINVAL);
    before = current(call, *timer);
    const Nanoseconds value = to_ns(wanted.it_value);
    const bool absolute = (call.arg_int(1) & TIMER_ABSTIME) != 0;
    const Nanoseconds now = read_clock(call.kernel, call.task, timer->clock).value_or(0);
    timer->schedule.armed = value != 0;
    timer->schedule.next = absolute ? value : saturating_sum(now, value);
    timer->schedule.interval = to_ns(wanted.it_interval);
    timer->overrun = 0;
    arm_posix(call.kernel, call.process, timer->id);
  }
  if (call.arg(3) != 0 && !put_user(call, call.arg_gva(3), before)) return SysResult::error(EFAULT);
  return 0;
}

SysResult do_timer_gettime(Call &call) {
  itimerspec now{};
  {
    const LockGuard guard(call.kernel.mutex);
    const PosixTimer *timer = find(call, call.arg_int(0));
    if (timer == nullptr) return SysResult::error(EINVAL);
    now = current(call, *timer);
  }
  return put_user(call, call.arg_gva(1), now) ? SysResult(0) : SysResult::error(EFAULT);
}

SysResult do_timer_getoverrun(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  const PosixTimer *timer = find(call, call.arg_int(0));
  return timer != nullptr ? SysResult(std::int64_t(timer->overrun)) : SysResult::error(EINVAL);
}

SysResult do_timer_delete(Call &call) {
  const LockGuard guard(call.kernel.mutex);
  return timers_of(call.process).posix.erase(call.arg_int(0)) != 0 ? SysResult(0) : SysResult::error(EINVAL);
}

} // namespace pagoda::kernel::timing
