#include "mmu/space/vma_tree.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <iterator>

namespace pagoda::space {

VmaTree::Map::const_iterator VmaTree::at_or_above(Gva gva) const {
  auto it = areas_.upper_bound(gva);
  if (it != areas_.begin()) {
    const auto before = std::prev(it);
    if (gva < before->second.range.end) return before;
  }
  return it;
}

const Vma *VmaTree::find_at_or_above(Gva gva) const {
  const auto it = at_or_above(gva);
  return it == areas_.end() ? nullptr : &it->second;
}

const Vma *VmaTree::find(Gva gva) const {
  const Vma *area = find_at_or_above(gva);
  return area != nullptr && area->range.contains(gva) ? area : nullptr;
}

const Vma *VmaTree::below(Gva gva) const {
  const auto it = at_or_above(gva);
  return it == areas_.begin() ? nullptr : &std::prev(it)->second;
}

bool VmaTree::overlaps(GvaRange range) const {
  if (range.empty()) return false;
  const Vma *area = find_at_or_above(range.begin);
  return area != nullptr && area->range.begin < range.end;
}

bool VmaTree::covers(GvaRange range) const { return mapped_bytes(range) == range.length(); }

bool VmaTree::placeable(GvaRange range) const {
  if (overlaps(range)) return false;
  const Vma *above = find_at_or_above(range.end);
  return above == nullptr || range.end <= above->guarded_begin();
}

std::uint64_t VmaTree::mapped_bytes(GvaRange range) const {
  std::uint64_t bytes = 0;
  for_each(range, [&](const Vma &area) { bytes += clip(area, range).length(); });
  return bytes;
}

void VmaTree::split_at(Gva point) {
  auto it = areas_.upper_bound(point);
  if (it == areas_.begin()) return;
  --it;
  Vma &area = it->second;
  if (!(area.range.begin < point && point < area.range.end)) return;
  areas_.emplace_hint(std::next(it), point, area.part({point, area.range.end}));
  area.range.end = point;
}

void VmaTree::merge_around(GvaRange range) {
  auto it = areas_.lower_bound(range.begin);
  if (it != areas_.begin()) --it;
  while (it != areas_.end() && it->first <= range.end) {
    const auto next = std::next(it);
    if (next == areas_.end()) return;
    if (!it->second.continues_into(next->second)) {
      it = next;
      continue;
    }
    it->second.range.end = next->second.range.end;
    areas_.erase(next);
  }
}

void VmaTree::insert(Vma vma) {
  const GvaRange range = vma.range;
  bytes_ += range.length();
  areas_.emplace(range.begin, std::move(vma));
  merge_around(range);
}

std::vector<Vma> VmaTree::remove(GvaRange range) {
  std::vector<Vma> removed;
  if (range.empty()) return removed;
  split_at(range.begin);
  split_at(range.end);
  auto it = areas_.lower_bound(range.begin);
  while (it != areas_.end() && it->first < range.end) {
    bytes_ -= it->second.range.length();
    removed.push_back(std::move(it->second));
    it = areas_.erase(it);
  }
  return removed;
}

void VmaTree::grow_down(Gva vma_begin, Gva new_begin) {
  auto node = areas_.extract(vma_begin);
  if (node.empty()) return;
  bytes_ += vma_begin - new_begin;
  if (node.mapped().has_offset()) node.mapped().file_offset -= vma_begin - new_begin;
  node.key() = new_begin;
  node.mapped().range.begin = new_begin;
  areas_.insert(std::move(node));
  merge_around({new_begin, new_begin});
}

std::optional<Gva> VmaTree::highest_gap(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const {
  if (length == 0 || limit.empty()) return std::nullopt;
  auto above = areas_.lower_bound(limit.end);
  Gva ceiling = limit.end;
  if (above != areas_.end()) ceiling = std::min(ceiling, above->second.guarded_begin());
  while (true) {
    const bool last = above == areas_.begin();
    const Gva floor = last ? limit.begin : std::max(limit.begin, std::prev(above)->second.range.end);
    if (floor < ceiling && length <= ceiling - floor) {
      const Gva candidate((ceiling - length).value() & ~(alignment - 1));
      if (floor <= candidate) return candidate;
    }
    if (last) return std::nullopt;
    --above;
    ceiling = std::min(ceiling, above->second.guarded_begin());
    if (ceiling <= limit.begin) return std::nullopt;
  }
}

std::string VmaTree::invariant() const {
  std::uint64_t bytes = 0;
  const Vma *previous = nullptr;
  for (const auto &[key, area] : areas_) {
    const std::uint64_t at = key.value();
    if (key != area.range.begin) return fmt::format("area {:#x} is filed under another address", at);
    if (area.range.empty()) return fmt::format("area {:#x} is empty", at);
    if (!area.range.begin.page_aligned() || !area.range.end.page_aligned())
      return fmt::format("area {:#x} is not page aligned", at);
    if (previous != nullptr && area.range.begin < previous->range.end)
      return fmt::format("area {:#x} overlaps the one below", at);
    if (previous != nullptr && previous->continues_into(area))
      return fmt::format("area {:#x} could be one with the one below", at);
    bytes += area.range.length();
    previous = &area;
  }
  if (bytes != bytes_) return fmt::format("areas hold {:#x} bytes, the count says {:#x}", bytes, bytes_);
  return {};
}

} // namespace pagoda::space
