// On which nodes resident pages lie (numa_maps).
#include <algorithm>
#include <vector>

#include "mmu/space/policy_pages.hpp"
#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

NumaFigures Space::numa_figures(GvaRange range) const {
  const LockGuard guard(mutex);
  NumaFigures figures;
  std::vector<const Vma *> areas;
  areas_.for_each(range, [&](const Vma &area) { areas.push_back(&area); });
  for (const Vma *area : areas) {
    if (area->fixed_frames) continue;
    table_.for_each(VmaTree::clip(*area, range), [&](Gva, const table::Mapping &leaf) {
      // An object holds one reference of its own beside those of the mappings.
      const std::uint32_t refs = memory_.frame(leaf.frame).refs.load(std::memory_order_relaxed);
      const std::uint32_t mappings = std::max(1u, area->object && refs > 1 ? refs - 1 : refs);
      ++figures.pages;
      ++figures.by_node[node_at(memory_, leaf.frame) % phys::kMaxNodes];
      figures.dirty += leaf.dirty ? 1 : 0;
      // A private page of a file is anonymous memory once it was written to.
      figures.anonymous += !area->object && (!area->file || leaf.dirty) ? 1 : 0;
      figures.most_mappings = std::max<std::uint64_t>(figures.most_mappings, mappings);
    });
  }
  return figures;
}

} // namespace pagoda::space
