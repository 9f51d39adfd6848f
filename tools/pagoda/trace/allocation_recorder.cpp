#include "tools/pagoda/trace/allocation_recorder.hpp"

#include <sys/mman.h>
#include <utility>

#include <fmt/format.h>

#include "tools/measure/allocation_trace.hpp"

namespace pagoda::tools {
namespace {

// Whole pages; a range that wraps is empty.
GvaRange range_of(std::uint64_t begin, std::uint64_t length) {
  const std::uint64_t pages = length > ~0ull - kPageSize ? 0 : page_ceil(length);
  return begin + pages < begin ? GvaRange{} : GvaRange{Gva(begin), Gva(begin + pages)};
}

} // namespace

std::string AllocationRecorder::first_line() { return "pagoda-allocations 1\n"; }

std::string AllocationRecorder::call(std::uint32_t pid, std::string_view name, const std::array<std::uint64_t, 6> &args,
                                     std::int64_t result) {
  if (name == "exit_group") return forget(pid);
  if (result < 0 && result >= -4095) return {};
  const auto at = std::uint64_t(result);
  if (name == "brk") return move_break(processes_[pid], Gva(at));
  if (name == "munmap") return cut(processes_[pid], range_of(args[0], args[1]));
  if (name == "mmap") {
    constexpr std::uint64_t kPrivateAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    std::string lines = cut(processes_[pid], range_of(at, args[1])); // MAP_FIXED over something older
    if ((args[3] & kPrivateAnonymous) == kPrivateAnonymous) lines += begin(processes_[pid], range_of(at, args[1]));
    return lines;
  }
  if (name == "mremap") {
    Process &process = processes_[pid];
    const GvaRange from = range_of(args[0], args[1]);
    const auto area = process.areas.upper_bound(from.begin);
    if (area == process.areas.begin() || std::prev(area)->second.end <= from.begin) return {};
    std::string lines = cut(process, from);
    lines += cut(process, range_of(at, args[2]));
    return lines + begin(process, range_of(at, args[2]));
  }
  return {};
}

std::string AllocationRecorder::move_break(Process &process, Gva to) {
  const Gva from = std::exchange(process.break_end, to);
  if (from == Gva{} || from == to) return {}; // the first call asks where it is
  return from < to ? begin(process, {from, to}) : cut(process, {to, from});
}

std::string AllocationRecorder::begin(Process &process, GvaRange range) {
  if (range.empty() || range.length() > measure::kLargestAllocation) return {};
  const std::uint64_t number = next_++;
  process.areas[range.begin] = {range.end, number};
  return fmt::format("a {} {}\n", number, range.length());
}

std::string AllocationRecorder::cut(Process &process, GvaRange range) {
  if (range.empty()) return {};
  std::string lines;
  auto at = process.areas.upper_bound(range.begin);
  if (at != process.areas.begin()) --at;
  while (at != process.areas.end() && at->first < range.end) {
    const auto [first, area] = *at;
    if (area.end <= range.begin) {
      ++at;
      continue;
    }
    lines += fmt::format("f {}\n", area.number);
    at = process.areas.erase(at);
    if (first < range.begin) lines += begin(process, {first, range.begin});
    if (range.end < area.end) lines += begin(process, {range.end, area.end});
  }
  return lines;
}

std::string AllocationRecorder::forget(std::uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return {};
  std::string lines;
  for (const auto &[first, area] : found->second.areas) lines += fmt::format("f {}\n", area.number);
  processes_.erase(found);
  return lines;
}

} // namespace pagoda::tools
