// How resident pages stand, page by page (smaps).
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

PageFigures Space::page_figures(GvaRange range) const {
  const LockGuard guard(mutex);
  PageFigures figures;
  for (const auto &[begin, area] : areas_) {
    if (area.fixed_frames || !area.range.overlaps(range)) continue;
    const bool shared = area.object != nullptr;
    table_.for_each(VmaTree::clip(area, range), [&](Gva, const table::Mapping &leaf) {
      // An object holds one reference of its own beside those of the mappings.
      const std::uint32_t refs = memory_.frame(leaf.frame).refs.load(std::memory_order_relaxed);
      const std::uint32_t mappings = std::max(1u, shared && refs > 1 ? refs - 1 : refs);
      ++figures.resident;
      figures.accessed += leaf.accessed ? 1 : 0;
      figures.proportional_bytes += kPageSize / mappings;
      if (mappings > 1)
        ++(leaf.dirty ? figures.shared_dirty : figures.shared_clean);
      else
        ++(leaf.dirty ? figures.private_dirty : figures.private_clean);
    });
  }
  return figures;
}

} // namespace pagoda::space
