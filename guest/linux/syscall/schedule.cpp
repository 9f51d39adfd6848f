// The schedule family: its numbers, names and handlers (guest/linux/syscall/schedule/).
#include <array>

#include "guest/linux/syscall/schedule/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> schedule_calls() {
  using namespace schedule;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {24, "sched_yield", do_sched_yield, ""},
      {140, "getpriority", do_getpriority, "dd"},
      {141, "setpriority", do_setpriority, "ddd"},
      {142, "sched_setparam", do_sched_setparam, "dp"},
      {143, "sched_getparam", do_sched_getparam, "dp"},
      {144, "sched_setscheduler", do_sched_setscheduler, "ddp"},
      {145, "sched_getscheduler", do_sched_getscheduler, "d"},
      {146, "sched_get_priority_max", do_sched_get_priority_max, "d"},
      {147, "sched_get_priority_min", do_sched_get_priority_min, "d"},
      {148, "sched_rr_get_interval", do_sched_rr_get_interval, "dp"},
      {203, "sched_setaffinity", do_sched_setaffinity, "dup"},
      {204, "sched_getaffinity", do_sched_getaffinity, "dup"},
      {251, "ioprio_set", do_ioprio_set, "ddx"},
      {252, "ioprio_get", do_ioprio_get, "dd"},
      {314, "sched_setattr", do_sched_setattr, "dpx"},
      {315, "sched_getattr", do_sched_getattr, "dpux"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
