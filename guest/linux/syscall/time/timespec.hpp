// Arithmetic on what guests call a time: checked, saturating, in nanoseconds as a signed 64-bit
// number (292 years either way, as Linux's ktime_t).
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <limits>
#include <sys/time.h>

namespace pagoda::kernel {

using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kForever = std::numeric_limits<Nanoseconds>::max();

[[nodiscard]] constexpr bool valid(const timespec &time) {
  return time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < kSecond;
}
[[nodiscard]] constexpr bool valid(const timeval &time) {
  return time.tv_sec >= 0 && time.tv_usec >= 0 && time.tv_usec < 1'000'000;
}

// Of a valid time; what does not fit is for ever.
[[nodiscard]] constexpr Nanoseconds to_ns(const timespec &time) {
  if (time.tv_sec >= kForever / kSecond) return kForever;
  return time.tv_sec * kSecond + time.tv_nsec;
}
[[nodiscard]] constexpr Nanoseconds to_ns(const timeval &time) {
  return to_ns(timespec{.tv_sec = time.tv_sec, .tv_nsec = time.tv_usec * 1000});
}

[[nodiscard]] constexpr timespec to_timespec(Nanoseconds ns) {
  return {.tv_sec = ns / kSecond, .tv_nsec = ns % kSecond};
}
// Rounded up to whole microseconds, so that a timer that still runs never reads as zero.
[[nodiscard]] constexpr timeval to_timeval_up(Nanoseconds ns) {
  const Nanoseconds us = ns / 1000 + (ns % 1000 != 0 ? 1 : 0);
  return {.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
}
[[nodiscard]] constexpr timeval to_timeval(Nanoseconds ns) {
  return {.tv_sec = ns / kSecond, .tv_usec = ns % kSecond / 1000};
}

// Of two times that are not negative.
[[nodiscard]] constexpr Nanoseconds saturating_sum(Nanoseconds a, Nanoseconds b) {
  return a > kForever - b ? kForever : a + b;
}

// Clock ticks as times(2) and /proc count them (USER_HZ).
inline constexpr std::uint64_t kTicksPerSecond = 100;
[[nodiscard]] constexpr std::uint64_t to_ticks(std::uint64_t ns) {
  return ns / (std::uint64_t(kSecond) / kTicksPerSecond);
}

} // namespace pagoda::kernel
