// What a space holds, for /proc and reports.
#include <algorithm>
#include <fmt/core.h>
#include <utility>
#include <vector>

#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

void Space::count(const Vma &area, std::uint64_t pages) {
  resident_.all += pages;
  if (area.file) resident_.file += pages;
  if (!area.file && area.object) resident_.shared += pages;
  resident_.peak = std::max(resident_.peak, resident_.all);
}

void Space::uncount(const Vma &area, std::uint64_t pages) {
  resident_.all -= pages;
  if (area.file) resident_.file -= pages;
  if (!area.file && area.object) resident_.shared -= pages;
}

std::uint64_t Space::data_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto &[begin, area] : areas_)
    if (!area.shared && !area.grows_down && has(area.prot, Prot::Write)) bytes += area.range.length();
  return bytes;
}

Usage Space::usage() const {
  const LockGuard guard(mutex);
  Usage usage;
  usage.virtual_pages = areas_.total_bytes() >> kPageShift;
  usage.peak_virtual = peak_virtual_ >> kPageShift;
  usage.resident_pages = resident_.all;
  usage.peak_resident = resident_.peak;
  usage.resident_file = resident_.file;
  usage.resident_shared = resident_.shared;
  usage.table_pages = table_.table_pages();
  usage.data_pages = data_bytes() >> kPageShift;
  for (const auto &[begin, area] : areas_) {
    if (area.grows_down) usage.stack_pages += area.pages();
    if (has(area.prot, Prot::Execute) && !has(area.prot, Prot::Write)) usage.text_pages += area.pages();
  }
  return usage;
}

std::vector<Vma> Space::areas() const {
  const LockGuard guard(mutex);
  std::vector<Vma> result;
  result.reserve(areas_.size());
  for (const auto &[begin, area] : areas_) result.push_back(area);
  return result;
}

std::vector<Vma> Space::areas(GvaRange range) const {
  const LockGuard guard(mutex);
  std::vector<Vma> result;
  areas_.for_each(range, [&](const Vma &area) { result.push_back(area); });
  return result;
}

std::uint64_t Space::resident_in(GvaRange range) const {
  const LockGuard guard(mutex);
  std::uint64_t pages = 0;
  table_.for_each(range, [&](Gva, const table::Mapping &) { ++pages; });
  return pages;
}

std::optional<table::Mapping> Space::query(Gva gva) const {
  const LockGuard guard(mutex);
  return table_.query(gva);
}

std::string Space::invariant() const {
  const LockGuard guard(mutex);
  if (auto broken = areas_.invariant(); !broken.empty()) return broken;
  std::vector<std::pair<Gva, table::Mapping>> leaves;
  table_.for_each({Gva(0), kUserEnd}, [&](Gva gva, const table::Mapping &leaf) { leaves.emplace_back(gva, leaf); });
  Resident seen;
  for (const auto &[gva, leaf] : leaves) {
    const Vma *area = areas_.find(gva);
    if (area == nullptr) return fmt::format("leaf {:#x} lies in no area", gva.value());
    const Prot most = area->leaf_prot();
    if (!has(any(most) ? most | Prot::Read : most, leaf.prot))
      return fmt::format("leaf {:#x} has rights that its area lacks", gva.value());
    if (area->fixed_frames) continue;
    if (memory_.frame(leaf.frame).refs.load() == 0) return fmt::format("leaf {:#x} leads to a free frame", gva.value());
    ++seen.all;
    if (area->file) ++seen.file;
    if (!area->file && area->object) ++seen.shared;
  }
  if (seen.all != resident_.all || seen.file != resident_.file || seen.shared != resident_.shared)
    return fmt::format("{} pages are resident, the count says {}", seen.all, resident_.all);
  return {};
}

} // namespace pagoda::space
