#include <algorithm>

#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

namespace {

Case source_of(const space::Vma &area) {
  if (area.fixed_frames) return Case::PastEnd; // its leaves were all made at once: there is no more
  if (area.object) return Case::Shared;
  return area.file ? Case::File : Case::DemandZero;
}

GvaRange around(const space::Vma &area, Gva page, std::uint32_t pages) {
  const std::uint64_t span = pages * kPageSize;
  const Gva aligned(page.value() & ~(span - 1));
  return {std::max(aligned, area.range.begin), std::min(aligned + span, area.range.end)};
}

// Whether program data is being written in order: what lies right below the window is there already.
bool in_order(space::Space &space, const space::Vma &area, GvaRange window) PAGODA_REQUIRES(space.mutex) {
  if (!area.private_anonymous() || !(area.range.begin < window.begin)) return false;
  return space::SpaceFaultAccess::table(space).query(window.begin - kPageSize).has_value();
}

} // namespace

Window plan(space::Space &space, const space::Vma &area, Gva page) {
  Window window;
  window.which = source_of(area);
  window.range = around(area, page, kFaultAround);
  if (in_order(space, area, window.range)) window.range = around(area, page, kFaultAroundMost);
  window.page = page;
  window.file = area.file;
  window.object = area.object;
  window.policy = area.policy;
  window.number = area.page_number(window.range.begin);
  if (area.has_offset()) window.offset = area.offset_of(window.range.begin);
  window.holes = first_pages(window.pages());
  space::SpaceFaultAccess::table(space).for_each(window.range, [&](Gva gva, const table::Mapping &) {
    window.holes &= ~(PageMask(1) << ((gva - window.range.begin) >> kPageShift));
  });
  return window;
}

} // namespace pagoda::fault
