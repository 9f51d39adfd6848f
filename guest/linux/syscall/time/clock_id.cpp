#include "guest/linux/syscall/time/clock_id.hpp"

#include "guest/linux/syscall/time/cpu_time.hpp"

namespace pagoda::kernel {

namespace {

std::optional<ClockId> decode_cpu_clock(clockid_t id) {
  enum : unsigned { kProf = 0, kVirtual = 1, kScheduler = 2 };
  const auto bits = unsigned(id);
  const unsigned what = bits & 3;
  if (what > kScheduler) return std::nullopt; // 3 names a descriptor of a clock device
  ClockId clock;
  clock.kind = (bits & 4) != 0 ? ClockId::Kind::Thread : ClockId::Kind::Process;
  clock.measure = what == kVirtual ? ClockId::Measure::UserOnly : ClockId::Measure::Total;
  clock.id = ~std::uint32_t(id >> 3);
  return clock;
}

} // namespace

std::optional<ClockId> decode_clock(clockid_t id) {
  if (id < 0) return decode_cpu_clock(id);
  ClockId clock;
  clock.host = id;
  switch (id) {
  case CLOCK_REALTIME:
  case CLOCK_MONOTONIC:
  case CLOCK_BOOTTIME:
  case CLOCK_TAI: return clock;
  case CLOCK_REALTIME_ALARM: clock.host = CLOCK_REALTIME; return clock;
  case CLOCK_BOOTTIME_ALARM: clock.host = CLOCK_BOOTTIME; return clock;
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_REALTIME_COARSE:
  case CLOCK_MONOTONIC_COARSE: clock.coarse_or_raw = true; return clock;
  case CLOCK_PROCESS_CPUTIME_ID: clock.kind = ClockId::Kind::Process; return clock;
  case CLOCK_THREAD_CPUTIME_ID: clock.kind = ClockId::Kind::Thread; return clock;
  default: return std::nullopt;
  }
}

std::optional<Nanoseconds> read_clock(Kernel &kernel, const Task &caller, const ClockId &clock) {
  const auto measured = [&](const CpuTime &time) {
    return Nanoseconds(clock.measure == ClockId::Measure::UserOnly ? time.user_ns : time.total());
  };
  switch (clock.kind) {
  case ClockId::Kind::Host: return read_host_clock(clock.host);
  case ClockId::Kind::Process: {
    if (clock.id == 0) return measured(cpu_time(caller.process()));
    const Process *process = kernel.find_process(clock.id);
    if (process == nullptr) return std::nullopt;
    return measured(cpu_time(*process));
  }
  case ClockId::Kind::Thread: {
    if (clock.id == 0) return measured(cpu_time(caller));
    const Task *task = kernel.find_task(clock.id);
    if (task == nullptr || &task->process() != &caller.process()) return std::nullopt;
    return measured(cpu_time(*task));
  }
  }
  return std::nullopt;
}

Nanoseconds read_host_clock(clockid_t id) {
  timespec now{};
  if (::clock_gettime(id, &now) != 0) return 0;
  return to_ns(now);
}

Deadline deadline_in(Nanoseconds remaining) {
  constexpr Nanoseconds kLongest = kForever / 4;
  return Clock::now() + std::chrono::nanoseconds(std::clamp<Nanoseconds>(remaining, 0, kLongest));
}

} // namespace pagoda::kernel
