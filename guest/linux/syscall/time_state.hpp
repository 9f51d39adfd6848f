// The timers of a process: interval timers, POSIX timers, and the check of its CPU-time limit
// (setitimer(2), timer_create(2), setrlimit(2) RLIMIT_CPU).
//
// Timers of real time run on the kernel's event loop. Those of processor time are looked at
// periodically while one is armed: running tasks are kicked so that their accounting is current, the
// next look is half of what remains away, at least 4 ms and at most 100 ms. Everything is guarded by
// Kernel::mutex; an event that comes after its timer was changed is recognised by its generation.
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <map>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/syscall/time/timespec.hpp"

namespace pagoda::kernel {

// When a timer expires next, on its own clock, and how often after that.
struct Schedule {
  bool armed = false;
  Nanoseconds next = 0;
  Nanoseconds interval = 0; // 0: once

  [[nodiscard]] Nanoseconds remaining(Nanoseconds now) const {
    return armed ? std::max<Nanoseconds>(next - now, 1) : 0;
  }
  // How many expirations there were until `now`; moves on to the next one after it, or disarms.
  std::uint64_t expire(Nanoseconds now);
};

struct IntervalTimer {
  Schedule schedule;
  std::uint64_t generation = 0;
  std::optional<boost::asio::steady_timer> host; // of ITIMER_REAL
};

struct PosixTimer {
  int id = 0;
  ClockId clock;
  int notify = SIGEV_SIGNAL; // SIGEV_SIGNAL, SIGEV_THREAD_ID, SIGEV_NONE
  int signal = SIGALRM;
  sigval value{};
  std::uint32_t thread = 0; // SIGEV_THREAD_ID
  Schedule schedule;
  std::uint64_t overrun = 0; // of the signal sent last
  std::uint64_t generation = 0;
  std::optional<boost::asio::steady_timer> host; // of real-time clocks
};

struct ProcessTimers {
  static constexpr std::size_t kMaxTimers = 4096; // of one process; more: EAGAIN

  std::array<IntervalTimer, 3> intervals; // ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF
  std::map<int, PosixTimer> posix;
  int next_id = 0;

  // The periodic look at processor time.
  std::optional<boost::asio::steady_timer> cpu_look;
  bool cpu_look_armed = false;
  std::uint64_t cpu_limit_signalled = 0; // seconds for which SIGXCPU was sent last

  void delete_posix() { posix.clear(); } // execve keeps interval timers only
};

// All with Kernel::mutex held.
ProcessTimers &timers_of(Process &process);
// Starts, moves or stops what a schedule that was just changed needs.
void arm_interval(Kernel &kernel, Process &process, int which) PAGODA_REQUIRES(kernel.mutex);
void arm_posix(Kernel &kernel, Process &process, int id) PAGODA_REQUIRES(kernel.mutex);
// Watches processor time as long as some timer or a finite RLIMIT_CPU needs it. To be called for a
// process whose limit was set or inherited.
void watch_cpu_time(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
