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
    gaps_.erase(next->first);
    areas_.erase(next);
  }
}

GvaRange VmaTree::gap_below(Map::const_iterator area) const {
  const Gva begin = area == areas_.begin() ? Gva(0) : std::prev(area)->second.range.end;
  return {begin, std::max(begin, area->second.guarded_begin())};
}

void VmaTree::note_gap(Map::const_iterator area) {
  if (area != areas_.end()) gaps_.set(area->first, gap_below(area));
}

void VmaTree::insert(Vma vma) {
  const GvaRange range = vma.range;
  bytes_ += range.length();
  const auto it = areas_.emplace(range.begin, std::move(vma)).first;
  note_gap(it);
  note_gap(std::next(it));
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
    gaps_.erase(it->first);
    it = areas_.erase(it);
  }
  note_gap(it);
  return removed;
}

void VmaTree::grow_down(Gva vma_begin, Gva new_begin) {
  auto node = areas_.extract(vma_begin);
  if (node.empty()) return;
  bytes_ += vma_begin - new_begin;
  if (node.mapped().has_offset()) node.mapped().file_offset -= vma_begin - new_begin;
  node.key() = new_begin;
  node.mapped().range.begin = new_begin;
  gaps_.erase(vma_begin);
  note_gap(areas_.insert(std::move(node)).position);
  merge_around({new_begin, new_begin});
}

std::optional<Gva> VmaTree::highest_gap(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const {
  if (length == 0 || limit.empty()) return std::nullopt;
  const Gva top = areas_.empty() ? Gva(0) : std::prev(areas_.end())->second.range.end;
  if (const auto above_all = fit_highest({top, std::max(top, limit.end)}, limit, length, alignment)) return above_all;
  return gaps_.highest(length, limit, alignment);
}

std::string VmaTree::check_gaps() const {
  if (std::string broken = gaps_.invariant(); !broken.empty()) return broken;
  std::string broken;
  std::size_t known = 0;
  gaps_.for_each([&](Gva area, GvaRange gap) {
    ++known;
    const auto it = areas_.find(area);
    if (it == areas_.end() || gap_below(it) != gap) broken = fmt::format("wrong gap below {:#x}", area.value());
  });
  std::size_t there = 0;
  for (auto it = areas_.begin(); it != areas_.end(); ++it) there += gap_below(it).empty() ? 0 : 1;
  if (broken.empty() && known != there) broken = fmt::format("{} gaps are known, {} are there", known, there);
  return broken;
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
  return check_gaps();
}

} // namespace pagoda::space
