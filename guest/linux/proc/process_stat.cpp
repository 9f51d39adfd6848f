// /proc/PID/stat and statm.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "guest/linux/proc/process_text.hpp"
#include "guest/linux/syscall/time/timespec.hpp"

namespace pagoda::kernel {

namespace {

constexpr int kNormalPriority = 20; // of nice 0
constexpr int kNoTerminal = -1;

std::uint64_t ticks_of(const timeval &time) { return to_ticks(std::uint64_t(to_ns(time))); }

} // namespace

std::string stat_text(const ProcessFigures &f) {
  const ThreadFigures &thread = f.thread;
  const ThreadFigures &counted = f.whole_process ? f.sum : f.thread;
  const space::Usage usage = f.space ? f.space->usage() : space::Usage{};
  const ImageLayout image = f.space ? f.image : ImageLayout{};
  const std::string head = fmt::format("{} ({}) {} {} {} {} 0 {}", thread.tid, thread.name, thread.state, f.parent,
                                       f.group, f.session, kNoTerminal);
  // From field 9 on; the numbers in comments are those of the man page.
  const auto priority = std::uint64_t(kNormalPriority) + std::uint64_t(std::int64_t(thread.nice));
  const std::array<std::uint64_t, 10> before_nice{
      0, // 9 flags
      counted.minor_faults,
      std::uint64_t(f.children.ru_minflt),
      counted.major_faults,
      std::uint64_t(f.children.ru_majflt),
      to_ticks(counted.user_ns),
      to_ticks(counted.system_ns),
      ticks_of(f.children.ru_utime),
      ticks_of(f.children.ru_stime),
      priority, // 18
  };
  const std::array<std::uint64_t, 33> after_nice{
      f.threads, // 20
      0,
      to_ticks(thread.start_ns),
      usage.virtual_pages << kPageShift,
      usage.resident_pages,
      f.limits[RLIMIT_RSS].rlim_cur,
      image.code_begin.value(),
      image.code_end.value(),
      image.stack_top.value(),
      thread.stack_pointer,
      thread.instruction_pointer, // 30
      thread.pending & 0x7fffffff,
      thread.blocked & 0x7fffffff,
      f.ignored & 0x7fffffff,
      f.caught & 0x7fffffff,
      thread.state == 'S' ? 1u : 0u, // 35 wchan: whether it sleeps
      0,
      0,
      std::uint64_t(f.exit_signal),
      std::uint64_t(thread.processor),
      0, // 40 rt_priority
      0,
      0,
      0,
      0,
      image.data_begin.value(), // 45
      image.data_end.value(),
      image.break_begin.value(),
      image.arguments.begin.value(),
      image.arguments.end.value(),
      image.environment.begin.value(),
      image.environment.end.value(),
      f.zombie ? std::uint64_t(f.exit_code) : 0, // 52
  };
  return fmt::format("{} {} {} {}\n", head, fmt::join(before_nice, " "), thread.nice, fmt::join(after_nice, " "));
}

std::string statm_text(const ProcessFigures &f) {
  if (!f.space) return "0 0 0 0 0 0 0\n";
  const space::Usage usage = f.space->usage();
  // "data" is data and stack together; "lib" and "dirty" have been 0 since Linux 2.6.
  return fmt::format("{} {} {} {} 0 {} 0\n", usage.virtual_pages, usage.resident_pages,
                     usage.resident_file + usage.resident_shared, usage.text_pages,
                     usage.data_pages + usage.stack_pages);
}

std::uint64_t oom_score(const ProcessFigures &f, std::uint64_t total_pages) {
  if (!f.space || total_pages == 0 || f.oom_score_adj == -1000) return 0;
  const space::Usage usage = f.space->usage();
  const auto total = std::int64_t(total_pages);
  const std::int64_t points =
      std::int64_t(usage.resident_pages + usage.table_pages) + std::int64_t(f.oom_score_adj) * total / 1000;
  return std::uint64_t(std::max<std::int64_t>(0, (1000 + points * 1000 / total) * 2 / 3));
}

} // namespace pagoda::kernel
