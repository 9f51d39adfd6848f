#include "tools/pagoda/trace/malloc_watch.hpp"

#include <algorithm>
#include <sys/mman.h>

#include <fmt/format.h>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

constexpr std::uint64_t kBlock = 64 << 10;
constexpr std::uint32_t kBlockPages = kBlock / kPageSize;

Gva block_of(Gva at) { return Gva(at.value() & ~(kBlock - 1)); }

// Arguments of a call that succeeded; a range that wraps is empty.
GvaRange range_of(std::uint64_t begin, std::uint64_t length) {
  if (length > ~0ull - kPageSize || begin + length < begin) return {};
  const std::uint64_t end = begin + page_ceil(length);
  return end < begin ? GvaRange{} : GvaRange{Gva(begin), Gva(end)};
}

} // namespace

std::optional<std::string> MallocWatch::call(std::uint32_t pid, std::string_view name,
                                             const std::array<std::uint64_t, 6> &args, std::int64_t result) {
  const bool failed = result < 0 && result >= -4095;
  if (failed) return std::nullopt;
  if (name == "brk") return moved_break(processes_[pid], std::uint64_t(result));
  if (name == "mmap") return mapped(processes_[pid], args, std::uint64_t(result));
  if (name == "munmap") return unmapped(processes_[pid], range_of(args[0], args[1]));
  if (name == "mremap") return remapped(processes_[pid], args, std::uint64_t(result));
  if (name == "madvise") return advised(processes_[pid], range_of(args[0], args[1]), args[2]);
  if (name == "exit_group") forget(pid);
  return std::nullopt;
}

std::optional<std::string> MallocWatch::moved_break(Memory &memory, std::uint64_t result) {
  const Gva now(result);
  const Gva before = memory.break_end;
  if (memory.break_begin == Gva{}) memory.break_begin = memory.break_end = now;
  memory.break_end = now;
  if (before == Gva{} || before == now) return std::nullopt;
  ++totals_.break_calls;
  const std::uint64_t size = now < memory.break_begin ? 0 : now - memory.break_begin;
  totals_.heap_high = std::max(totals_.heap_high, size);
  if (now > before) {
    totals_.grown_by_break += now - before;
    return fmt::format("malloc brk    +{}, heap {} at {:#x}", human_bytes(now - before), human_bytes(size),
                       memory.break_begin.value());
  }
  const std::uint64_t pages = give_back(memory, {now.page_ceil(), before.page_ceil()});
  return fmt::format("malloc brk    -{}, heap {}, {} touched pages came back", human_bytes(before - now),
                     human_bytes(size), human_count(pages));
}

std::optional<std::string> MallocWatch::mapped(Memory &memory, const std::array<std::uint64_t, 6> &args,
                                               std::uint64_t at) {
  const GvaRange range = range_of(at, args[1]);
  cut(memory, range); // MAP_FIXED over something older
  give_back(memory, range);
  constexpr std::uint64_t kPrivateAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  if ((args[3] & kPrivateAnonymous) != kPrivateAnonymous || range.empty()) return std::nullopt;
  memory.anonymous[range.begin] = range.end;
  ++totals_.mmap_calls;
  totals_.grown_by_mmap += range.length();
  const bool reserved = args[2] == PROT_NONE;
  if (!reserved)
    totals_.smallest_mmap =
        totals_.smallest_mmap == 0 ? range.length() : std::min(totals_.smallest_mmap, range.length());
  return fmt::format("malloc mmap   +{} at {:#x}{}", human_bytes(range.length()), at,
                     reserved ? ", reserved without access" : "");
}

std::optional<std::string> MallocWatch::unmapped(Memory &memory, GvaRange range) {
  const bool any = cut(memory, range);
  const std::uint64_t pages = give_back(memory, range);
  if (!any) return std::nullopt;
  return fmt::format("malloc munmap -{} at {:#x}, {} touched pages came back", human_bytes(range.length()),
                     range.begin.value(), human_count(pages));
}

std::optional<std::string> MallocWatch::remapped(Memory &memory, const std::array<std::uint64_t, 6> &args,
                                                 std::uint64_t at) {
  const GvaRange from = range_of(args[0], args[1]), to = range_of(at, args[2]);
  if (!is_anonymous(memory, from.begin) || to.empty()) return std::nullopt;
  // The pages move with the area: counted out here and in there.
  const std::uint64_t returned = totals_.returned_pages;
  const std::uint64_t moved = give_back(memory, from);
  totals_.returned_pages = returned;
  cut(memory, from);
  memory.anonymous[to.begin] = to.end;
  std::uint64_t left = moved;
  for (Gva block = block_of(to.begin); left != 0 && block < to.end; block += kBlock) {
    const auto pages = std::uint32_t(std::min<std::uint64_t>(left, kBlockPages));
    memory.touched[block] = pages;
    left -= pages;
  }
  totals_.returned_pages += left;
  return fmt::format("malloc mremap {} -> {} at {:#x}", human_bytes(from.length()), human_bytes(to.length()), at);
}

std::optional<std::string> MallocWatch::advised(Memory &memory, GvaRange range, std::uint64_t advice) {
  if (advice != MADV_DONTNEED && advice != MADV_FREE) return std::nullopt;
  const std::uint64_t pages = give_back(memory, range);
  return fmt::format("malloc madvise {} {} at {:#x}, {} touched pages came back",
                     advice == MADV_FREE ? "FREE" : "DONTNEED", human_bytes(range.length()), range.begin.value(),
                     human_count(pages));
}

std::optional<std::string> MallocWatch::touch(std::uint32_t pid, Gva address, std::uint32_t pages, GvaRange around) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() || pages == 0) return std::nullopt;
  Memory &memory = found->second;
  const bool heap = memory.break_begin <= address && address < memory.break_end;
  if (!heap && !is_anonymous(memory, address)) return std::nullopt;
  for (Gva block = block_of(around.begin); block < around.end; block += kBlock) {
    const Gva begin = std::max(block, around.begin), end = std::min(block + kBlock, around.end);
    std::uint32_t &present = memory.touched[block];
    present = std::max(present, std::uint32_t((end - begin) >> kPageShift));
  }
  totals_.touched_pages += pages;
  return fmt::format("malloc touch  {} at {:#x}, {} page{} ({})", heap ? "heap" : "mmap", address.value(), pages,
                     pages == 1 ? "" : "s", human_pages(pages));
}

void MallocWatch::forget(std::uint32_t pid) { processes_.erase(pid); }

std::uint64_t MallocWatch::give_back(Memory &memory, GvaRange range) {
  if (range.empty()) return 0;
  std::uint64_t pages = 0;
  auto at = memory.touched.lower_bound(block_of(range.begin));
  while (at != memory.touched.end() && at->first < range.end) {
    const Gva begin = std::max(at->first, range.begin), end = std::min(at->first + kBlock, range.end);
    const auto part = std::min(at->second, std::uint32_t((end - begin) >> kPageShift));
    pages += part;
    at->second -= part;
    at = at->second == 0 ? memory.touched.erase(at) : std::next(at);
  }
  totals_.returned_pages += pages;
  return pages;
}

bool MallocWatch::cut(Memory &memory, GvaRange range) {
  if (range.empty()) return false;
  bool any = false;
  auto at = memory.anonymous.upper_bound(range.begin);
  if (at != memory.anonymous.begin()) --at;
  while (at != memory.anonymous.end() && at->first < range.end) {
    const auto [begin, end] = *at;
    if (end <= range.begin) {
      ++at;
      continue;
    }
    any = true;
    at = memory.anonymous.erase(at);
    if (begin < range.begin) memory.anonymous[begin] = range.begin;
    if (range.end < end) at = memory.anonymous.emplace(range.end, end).first;
  }
  return any;
}

bool MallocWatch::is_anonymous(const Memory &memory, Gva at) {
  auto above = memory.anonymous.upper_bound(at);
  return above != memory.anonymous.begin() && at < std::prev(above)->second;
}

std::string MallocWatch::summary() const {
  std::string text = "malloc summary\n";
  text += fmt::format("  brk       {} calls moved the break, {} in all, the heap was {} at most\n",
                      human_count(totals_.break_calls), human_bytes(totals_.grown_by_break),
                      human_bytes(totals_.heap_high));
  text += fmt::format("  mmap      {} private anonymous mappings, {} in all", human_count(totals_.mmap_calls),
                      human_bytes(totals_.grown_by_mmap));
  text += totals_.smallest_mmap == 0 ? "\n" : fmt::format(", the smallest {}\n", human_bytes(totals_.smallest_mmap));
  text += fmt::format("  touched   {} pages ({})\n", human_count(totals_.touched_pages),
                      human_pages(totals_.touched_pages));
  text += fmt::format("  returned  {} pages ({}) before the end\n", human_count(totals_.returned_pages),
                      human_pages(totals_.returned_pages));
  return text;
}

} // namespace pagoda::tools
