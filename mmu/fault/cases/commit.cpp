#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

namespace {

// Whether the frames still belong into the area. Its rights may have changed: the leaves get those
// that hold now. A file mapped anew at the same place and offset in between gets bytes that the file
// had during this fault, which mmap leaves open for private mappings.
bool same_source(const space::Vma &area, const Window &window) {
  if (area.fixed_frames || area.file != window.file || area.object != window.object) return false;
  return !area.has_offset() || area.offset_of(window.page) == window.offset_at(window.index());
}

// Program data is about to be written; a page of a file, more likely, to be read.
table::Use use_of(const Window &window) {
  return window.file || window.object ? table::Use::Accessed : table::Use::Written;
}

} // namespace

std::optional<Outcome> commit(space::Space &space, const Window &window, Frames &frames) {
  using Access = space::SpaceFaultAccess;
  const LockGuard guard(space.mutex);
  const space::Vma *area = Access::areas(space).find(window.page);
  if (area == nullptr || !same_source(*area, window)) return std::nullopt;
  const auto outside = [&](std::uint32_t i) { return !area->range.contains(window.address(i)); };
  for (std::uint32_t i = 0; i < window.pages(); ++i)
    if (outside(i)) frames.drop(i);

  Outcome outcome{window.which, 0, window.range};
  for (std::uint32_t i = 0; i < window.pages();) {
    const auto run = frames.run(i);
    const auto length = std::uint32_t(run.size());
    if (length == 0) {
      ++i;
      continue;
    }
    PageMask skipped = 0;
    const auto mapped =
        Access::table(space).map_run(window.address(i), run, {area->leaf_prot(), use_of(window)}, [&](Gva gva, Gfn) {
          skipped |= PageMask(1) << ((gva - window.range.begin) >> kPageShift);
        });
    // The window lies under one last-level table: the first run fails for want of it, or none does.
    if (!mapped) return Outcome{Case::OutOfMemory, 0};
    for (std::uint32_t j = i; j < i + length; ++j)
      if (((skipped >> j) & 1) == 0) frames.taken(j);
    outcome.pages += std::uint32_t(*mapped);
    i += length;
  }
  Access::count(space, *area, outcome.pages);
  if (outcome.pages == 0) outcome.which = Case::Spurious; // every page was mapped meanwhile
  return outcome;
}

} // namespace pagoda::fault
