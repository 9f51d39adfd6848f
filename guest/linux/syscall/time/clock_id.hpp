// What a guest's clockid_t names (clock_gettime(2), clock_getcpuclockid(3)).
//
// Clocks of real and monotonic time are the host's own, as the vDSO reads them. A negative id names
// the processor time of a process or thread: ~pid << 3 | per-thread << 2 | what is measured.
#pragma once

#include <ctime>
#include <expected>
#include <optional>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/call.hpp"
#include "guest/linux/syscall/time/timespec.hpp"

namespace pagoda::kernel {

struct ClockId {
  enum class Kind : std::uint8_t { Host, Process, Thread };
  enum class Measure : std::uint8_t { Total, UserOnly };
  Kind kind = Kind::Host;
  Measure measure = Measure::Total;
  clockid_t host = CLOCK_MONOTONIC; // Kind::Host
  std::uint32_t id = 0;             // pid or tid; 0: the caller
  bool coarse_or_raw = false;       // readable, but no timer runs on it

  [[nodiscard]] bool is_cpu() const { return kind != Kind::Host; }
};

// Nothing: EINVAL.
[[nodiscard]] std::optional<ClockId> decode_clock(clockid_t id);

// The clock's reading for `caller`, with Kernel::mutex held; nothing: no such process or thread of
// the caller's own.
[[nodiscard]] std::optional<Nanoseconds> read_clock(Kernel &kernel, const Task &caller, const ClockId &clock)
    PAGODA_REQUIRES(kernel.mutex);

[[nodiscard]] Nanoseconds read_host_clock(clockid_t id);

// When, on the clock that tasks wait by, `remaining` will have passed; bounded to a few decades.
[[nodiscard]] Deadline deadline_in(Nanoseconds remaining);

} // namespace pagoda::kernel
