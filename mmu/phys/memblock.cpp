#include "mmu/phys/memblock.hpp"

#include <algorithm>
#include <bit>

#include "mmu/base/checked.hpp"

namespace pagoda::phys {

namespace {

// The aligned start of `bytes` in the hole, below the limit.
std::optional<Gpa> placed(Gpa begin, Gpa end, std::uint64_t bytes, std::uint64_t align, Gpa limit) {
  const auto start = checked_align_up(begin.value(), align);
  if (!start) return std::nullopt;
  const auto last = checked_add(*start, bytes);
  if (!last || *last > std::min(end, limit).value()) return std::nullopt;
  return Gpa(*start);
}

} // namespace

void Memblock::insert_hole(GpaRange range) {
  if (range.empty()) return;
  holes_.emplace(range.begin, range.end);
  by_size_.emplace(range.length(), range.begin);
  free_bytes_ += range.length();
}

void Memblock::erase_hole(Holes::iterator hole) {
  by_size_.erase({hole->second - hole->first, hole->first});
  free_bytes_ -= hole->second - hole->first;
  holes_.erase(hole);
}

void Memblock::cut(Holes::iterator hole, GpaRange part) {
  const GpaRange whole{hole->first, hole->second};
  erase_hole(hole);
  insert_hole({whole.begin, std::max(whole.begin, part.begin)});
  insert_hole({std::min(whole.end, part.end), whole.end});
}

Result<> Memblock::add(GpaRange range) {
  if (range.empty()) return unexpected(Error::Invalid);
  auto after = memory_.lower_bound(range.begin);
  if (after != memory_.end() && after->first < range.end) return unexpected(Error::Exists);
  if (after != memory_.begin() && std::prev(after)->second > range.begin) return unexpected(Error::Exists);
  memory_.emplace(range.begin, range.end);
  memory_bytes_ += range.length();
  insert_hole(range);
  return {};
}

void Memblock::reserve(GpaRange range) {
  auto hole = holes_.upper_bound(range.begin);
  if (hole != holes_.begin()) --hole;
  while (hole != holes_.end() && hole->first < range.end) {
    const auto next = std::next(hole);
    if (range.begin < hole->second) cut(hole, range);
    hole = next;
  }
}

Memblock::Holes::iterator Memblock::find(std::uint64_t bytes, std::uint64_t align, Fit fit, Gpa limit) {
  const auto fits = [&](Holes::iterator hole) {
    return placed(hole->first, hole->second, bytes, align, limit).has_value();
  };
  if (fit == Fit::First) {
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole)
      if (fits(hole)) return hole;
    return holes_.end();
  }
  if (fit == Fit::Best) {
    for (auto size = by_size_.lower_bound({bytes, Gpa(0)}); size != by_size_.end(); ++size)
      if (const auto hole = holes_.find(size->second); fits(hole)) return hole;
    return holes_.end();
  }
  for (auto size = by_size_.rbegin(); size != by_size_.rend() && size->first >= bytes; ++size)
    if (const auto hole = holes_.find(size->second); fits(hole)) return hole;
  return holes_.end();
}

Result<Gpa> Memblock::allocate(std::uint64_t bytes, std::uint64_t align, Fit fit, Gpa limit) {
  if (bytes == 0 || !std::has_single_bit(align)) return unexpected(Error::Invalid);
  const auto hole = find(bytes, align, fit, limit);
  if (hole == holes_.end()) return unexpected(Error::OutOfMemory);
  const Gpa at = *placed(hole->first, hole->second, bytes, align, limit);
  cut(hole, {at, at + bytes});
  return at;
}

bool Memblock::is_memory(GpaRange range) const {
  if (range.empty()) return false;
  // Memory that was added in pieces side by side is one for this purpose.
  Gpa at = range.begin;
  while (at < range.end) {
    auto piece = memory_.upper_bound(at);
    if (piece == memory_.begin() || (--piece)->second <= at) return false;
    at = piece->second;
  }
  return true;
}

bool Memblock::is_reserved(Gpa at) const {
  auto hole = holes_.upper_bound(at);
  const bool in_hole = hole != holes_.begin() && at < std::prev(hole)->second;
  return !in_hole && is_memory({at, at + 1});
}

Result<> Memblock::free(GpaRange range) {
  if (!is_memory(range)) return unexpected(Error::Invalid);
  auto after = holes_.lower_bound(range.begin);
  if (after != holes_.end() && after->first < range.end) return unexpected(Error::Invalid);
  if (after != holes_.begin() && std::prev(after)->second > range.begin) return unexpected(Error::Invalid);
  if (after != holes_.end() && after->first == range.end) {
    range.end = after->second;
    const auto next = std::next(after);
    erase_hole(after);
    after = next;
  }
  if (after != holes_.begin() && std::prev(after)->second == range.begin) {
    range.begin = std::prev(after)->first;
    erase_hole(std::prev(after));
  }
  insert_hole(range);
  return {};
}

std::vector<GpaRange> Memblock::holes() const {
  std::vector<GpaRange> result;
  result.reserve(holes_.size());
  for (const auto &[begin, end] : holes_) result.push_back({begin, end});
  return result;
}

std::vector<GpaRange> Memblock::reserved() const {
  std::vector<GpaRange> result;
  for (const auto &[begin, end] : memory_) {
    Gpa at = begin;
    for (auto hole = holes_.lower_bound(begin); at < end; ++hole) {
      const Gpa stop = hole == holes_.end() ? end : std::min(end, hole->first);
      if (at < stop) result.push_back({at, stop});
      if (hole == holes_.end()) break;
      at = std::max(at, hole->second);
    }
  }
  return result;
}

std::vector<GfnRange> Memblock::hand_over(GfnRange range) {
  std::vector<GfnRange> result;
  for (const GpaRange &hole : holes()) {
    const Gpa begin = std::max(hole.begin, range.begin.gpa()).page_ceil();
    const Gpa end = std::min(hole.end, range.end.gpa()).page_floor();
    if (!(begin < end)) continue;
    reserve({begin, end});
    result.push_back({Gfn::of(begin), Gfn::of(end)});
  }
  return result;
}

std::string Memblock::invariant() const {
  std::uint64_t free = 0;
  std::optional<Gpa> last;
  for (const auto &[begin, end] : holes_) {
    if (!(begin < end)) return "an empty hole";
    if (last && begin < *last) return "holes overlap";
    if (!is_memory({begin, end})) return "a hole outside memory";
    if (!by_size_.contains({end - begin, begin})) return "a hole without its size";
    last = end;
    free += end - begin;
  }
  if (by_size_.size() != holes_.size()) return "more sizes than holes";
  return free == free_bytes_ ? std::string() : "free bytes are miscounted";
}

} // namespace pagoda::phys
