#include <algorithm>

#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/time/cpu_time.hpp"
#include "guest/linux/syscall/time_state.hpp"

namespace pagoda::kernel {

namespace {

// A guest that asks for an interval of a nanosecond gets every expiration counted, but the event
// loop no more often than this.
constexpr Nanoseconds kShortestWait = 100'000;
constexpr Nanoseconds kShortestLook = 4'000'000;
constexpr Nanoseconds kLongestLook = 100'000'000;

Nanoseconds interval_clock(const Process &process, int which) {
  switch (which) {
  case ITIMER_VIRTUAL: return Nanoseconds(cpu_time(process).user_ns);
  case ITIMER_PROF: return Nanoseconds(cpu_time(process).total());
  default: return read_host_clock(CLOCK_MONOTONIC);
  }
}

int interval_signal(int which) {
  switch (which) {
  case ITIMER_VIRTUAL: return SIGVTALRM;
  case ITIMER_PROF: return SIGPROF;
  default: return SIGALRM;
  }
}

void start(std::optional<boost::asio::steady_timer> &host, Kernel &kernel, Nanoseconds wait, auto handler) {
  if (!host) host.emplace(kernel.io());
  host->expires_at(deadline_in(std::max(wait, kShortestWait)));
  host->async_wait(std::move(handler));
}

void on_interval(Kernel &kernel, Process &process, int which) PAGODA_REQUIRES(kernel.mutex) {
  if (process.timers->intervals[std::size_t(which)].schedule.expire(interval_clock(process, which)) != 0)
    send_to_process(kernel, process, signal_info(interval_signal(which), SI_KERNEL));
}

// The signal of this timer that waits to be delivered, if there is one.
SignalInfo *queued(PendingSignals &pending, const PosixTimer &timer) {
  const auto found = std::ranges::find_if(pending.queue, [&](const SignalInfo &info) {
    return info.si_signo == timer.signal && info.si_code == SI_TIMER && info.si_timerid == timer.id;
  });
  return found == pending.queue.end() ? nullptr : &*found;
}

void notify(Kernel &kernel, Process &process, PosixTimer &timer, std::uint64_t expirations)
    PAGODA_REQUIRES(kernel.mutex) {
  if (timer.notify == SIGEV_NONE) return;
  Task *thread = timer.notify == SIGEV_THREAD_ID ? kernel.find_task(timer.thread) : nullptr;
  if (timer.notify == SIGEV_THREAD_ID && (thread == nullptr || &thread->process() != &process)) return;
  PendingSignals &pending = thread != nullptr ? thread->signals.pending : process.signals.pending;
  constexpr std::uint64_t kMost = INT32_MAX; // DELAYTIMER_MAX
  if (SignalInfo *waiting = queued(pending, timer); waiting != nullptr) {
    timer.overrun = std::min(timer.overrun + expirations, kMost);
    waiting->si_overrun = int(timer.overrun);
    return;
  }
  timer.overrun = std::min(expirations - 1, kMost);
  SignalInfo info{};
  info.si_signo = timer.signal;
  info.si_code = SI_TIMER;
  info.si_timerid = timer.id;
  info.si_overrun = int(timer.overrun);
  info.si_value = timer.value;
  if (thread != nullptr)
    send_to_task(kernel, *thread, info);
  else
    send_to_process(kernel, process, info);
}

void on_posix(Kernel &kernel, Process &process, PosixTimer &timer) PAGODA_REQUIRES(kernel.mutex) {
  const auto now = read_clock(kernel, process.leader(), timer.clock);
  if (!now) {
    timer.schedule.armed = false; // the process whose time it measured is gone
    return;
  }
  const std::uint64_t expirations = timer.schedule.expire(*now);
  if (expirations != 0) notify(kernel, process, timer, expirations);
}

// RLIMIT_CPU: SIGXCPU at the soft limit and every second from there, SIGKILL at the hard one. What
// remains until something happens; for ever without a limit.
Nanoseconds check_cpu_limit(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex) {
  const rlimit &limit = process.limits[RLIMIT_CPU];
  if (limit.rlim_cur == RLIM_INFINITY) return kForever;
  const std::uint64_t used_ns = cpu_time(process).total();
  const std::uint64_t used = used_ns / std::uint64_t(kSecond);
  ProcessTimers &timers = *process.timers;
  if (limit.rlim_max != RLIM_INFINITY && used >= limit.rlim_max) {
    send_to_process(kernel, process, signal_info(SIGKILL, SI_KERNEL));
    return kForever;
  }
  const std::uint64_t next = std::max<std::uint64_t>(limit.rlim_cur, timers.cpu_limit_signalled + 1);
  if (used >= next) {
    timers.cpu_limit_signalled = used;
    send_to_process(kernel, process, signal_info(SIGXCPU, SI_KERNEL));
    return kSecond;
  }
  if (next - used > std::uint64_t(kForever / kSecond)) return kForever;
  return Nanoseconds(next - used) * kSecond;
}

// Looks at every timer of processor time; what remains until the first of them, for ever if none.
Nanoseconds check_cpu_timers(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex) {
  Nanoseconds soonest = check_cpu_limit(kernel, process);
  for (const int which : {ITIMER_VIRTUAL, ITIMER_PROF}) {
    Schedule &schedule = process.timers->intervals[std::size_t(which)].schedule;
    if (!schedule.armed) continue;
    on_interval(kernel, process, which);
    if (schedule.armed) soonest = std::min(soonest, schedule.remaining(interval_clock(process, which)));
  }
  for (auto &[id, timer] : process.timers->posix) {
    if (!timer.schedule.armed || !timer.clock.is_cpu()) continue;
    on_posix(kernel, process, timer);
    const auto now = read_clock(kernel, process.leader(), timer.clock);
    if (now && timer.schedule.armed) soonest = std::min(soonest, timer.schedule.remaining(*now));
  }
  return soonest;
}

void kick_running(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex) {
  for (const auto &task : process.tasks)
    if (task->state == TaskState::Running) kernel.scheduler().kick(*task);
}

void on_cpu_look(Kernel &kernel, std::uint32_t pid) {
  const LockGuard guard(kernel.mutex);
  Process *process = kernel.find_process(pid);
  if (process == nullptr || process->zombie || !process->timers || process->tasks.empty()) return;
  process->timers->cpu_look_armed = false;
  watch_cpu_time(kernel, *process);
}

} // namespace

std::uint64_t Schedule::expire(Nanoseconds now) {
  if (!armed || now < next) return 0;
  if (interval == 0) {
    armed = false;
    return 1;
  }
  const auto missed = std::uint64_t(now - next) / std::uint64_t(interval);
  next = saturating_sum(next + Nanoseconds(missed) * interval, interval);
  return missed + 1;
}

ProcessTimers &timers_of(Process &process) {
  if (!process.timers) process.timers = std::make_unique<ProcessTimers>();
  return *process.timers;
}

void arm_interval(Kernel &kernel, Process &process, int which) {
  if (which != ITIMER_REAL) return watch_cpu_time(kernel, process);
  IntervalTimer &timer = timers_of(process).intervals[ITIMER_REAL];
  const std::uint64_t generation = ++timer.generation;
  if (!timer.schedule.armed) {
    if (timer.host) timer.host->cancel();
    return;
  }
  const auto handler = [&kernel, pid = process.pid(), generation](const boost::system::error_code &error) {
    if (error) return;
    const LockGuard guard(kernel.mutex);
    Process *owner = kernel.find_process(pid);
    if (owner == nullptr || owner->zombie || !owner->timers) return;
    IntervalTimer &due = owner->timers->intervals[ITIMER_REAL];
    if (due.generation != generation) return;
    on_interval(kernel, *owner, ITIMER_REAL);
    arm_interval(kernel, *owner, ITIMER_REAL);
  };
  start(timer.host, kernel, timer.schedule.next - interval_clock(process, which), handler);
}

void arm_posix(Kernel &kernel, Process &process, int id) {
  const auto found = timers_of(process).posix.find(id);
  if (found == process.timers->posix.end()) return;
  PosixTimer &timer = found->second;
  if (timer.clock.is_cpu()) return watch_cpu_time(kernel, process);
  const std::uint64_t generation = ++timer.generation;
  // Nobody is told of a SIGEV_NONE timer: its schedule alone answers timer_gettime.
  if (!timer.schedule.armed || timer.notify == SIGEV_NONE) {
    if (timer.host) timer.host->cancel();
    return;
  }
  const auto handler = [&kernel, pid = process.pid(), id, generation](const boost::system::error_code &error) {
    if (error) return;
    const LockGuard guard(kernel.mutex);
    Process *owner = kernel.find_process(pid);
    if (owner == nullptr || owner->zombie || !owner->timers || owner->tasks.empty()) return;
    const auto due = owner->timers->posix.find(id);
    if (due == owner->timers->posix.end() || due->second.generation != generation) return;
    on_posix(kernel, *owner, due->second);
    arm_posix(kernel, *owner, id);
  };
  start(timer.host, kernel, timer.schedule.next - read_host_clock(timer.clock.host), handler);
}

void watch_cpu_time(Kernel &kernel, Process &process) {
  ProcessTimers &timers = timers_of(process);
  const Nanoseconds remaining = check_cpu_timers(kernel, process);
  if (remaining == kForever || timers.cpu_look_armed) return;
  // A thread each vCPU spends processor time as fast as real time passes.
  const auto cpus = Nanoseconds(std::max<std::size_t>(1, kernel.platform().cpus.size()));
  const Nanoseconds wait = std::clamp(remaining / cpus / 2, kShortestLook, kLongestLook);
  timers.cpu_look_armed = true;
  kick_running(kernel, process);
  start(timers.cpu_look, kernel, wait, [&kernel, pid = process.pid()](const boost::system::error_code &error) {
    if (!error) on_cpu_look(kernel, pid);
  });
}

} // namespace pagoda::kernel
