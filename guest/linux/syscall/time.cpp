// The time family: its numbers, names and handlers (guest/linux/syscall/time/).
#include <array>

#include "guest/linux/syscall/table.hpp"
#include "guest/linux/syscall/time/handlers.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> time_calls() {
  using namespace timing;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {35, "nanosleep", do_nanosleep, "pp"},
      {36, "getitimer", do_getitimer, "dp"},
      {37, "alarm", do_alarm, "u"},
      {38, "setitimer", do_setitimer, "dpp"},
      {96, "gettimeofday", do_gettimeofday, "pp"},
      {100, "times", do_times, "p"},
      {159, "adjtimex", do_adjtimex, "p"},
      {164, "settimeofday", do_settimeofday, "pp"},
      {201, "time", do_time, "p"},
      {222, "timer_create", do_timer_create, "dpp"},
      {223, "timer_settime", do_timer_settime, "ddpp"},
      {224, "timer_gettime", do_timer_gettime, "dp"},
      {225, "timer_getoverrun", do_timer_getoverrun, "d"},
      {226, "timer_delete", do_timer_delete, "d"},
      {227, "clock_settime", do_clock_settime, "dp"},
      {228, "clock_gettime", do_clock_gettime, "dp"},
      {229, "clock_getres", do_clock_getres, "dp"},
      {230, "clock_nanosleep", do_clock_nanosleep, "ddpp"},
      {305, "clock_adjtime", do_clock_adjtime, "dp"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
