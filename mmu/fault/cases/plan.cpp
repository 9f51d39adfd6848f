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

} // namespace

Window plan(space::Space &space, const space::Vma &area, Gva page) {
  const std::uint64_t span = kFaultAround * kPageSize;
  const Gva aligned(page.value() & ~(span - 1));
  Window window;
  window.which = source_of(area);
  window.range = {std::max(aligned, area.range.begin), std::min(aligned + span, area.range.end)};
  window.page = page;
  window.file = area.file;
  window.object = area.object;
  if (area.has_offset()) window.offset = area.offset_of(window.range.begin);
  window.holes = PageMask((std::uint64_t(1) << window.pages()) - 1);
  space::SpaceFaultAccess::table(space).for_each(window.range, [&](Gva gva, const table::Mapping &) {
    window.holes &= ~(PageMask(1) << ((gva - window.range.begin) >> kPageShift));
  });
  return window;
}

} // namespace pagoda::fault
