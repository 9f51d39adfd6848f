#include <vector>

#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

void Space::drop_pages(GvaRange range, const Vma &area, Batch &batch) {
  std::uint64_t pages = 0;
  table_.unmap(range, batch, [&](Gva, const table::Mapping &leaf) {
    if (area.fixed_frames) return;
    batch.release_frame(leaf.frame);
    ++pages;
  });
  uncount(area, pages);
}

std::vector<Vma> Space::take_out(GvaRange range, Batch &batch) {
  std::vector<Vma> gone = areas_.remove(range);
  for (const Vma &area : gone) drop_pages(area.range, area, batch);
  return gone;
}

// Keeps the mutex while the batch is consumed: see the head of space.hpp.
void Space::finish(Batch batch) {
  if (!batch.empty()) invalidator_.consume(root_, std::move(batch));
}

Result<> Space::unmap(GvaRange range) {
  if (range.empty() || !range.begin.page_aligned() || user_end_ < range.end) return unexpected(Error::Invalid);
  range.end = range.end.page_ceil();
  std::vector<Vma> gone; // dies after the guard
  const LockGuard guard(mutex);
  // A hole cut into one area makes two: at the limit, only whole areas can go.
  const Vma *first = areas_.find(range.begin);
  const bool inside = first != nullptr && first->range.begin < range.begin && range.end < first->range.end;
  if (inside && areas_.size() >= kMaxAreas) return unexpected(Error::OutOfMemory);
  Batch batch;
  gone = take_out(range, batch);
  finish(std::move(batch));
  return {};
}

} // namespace pagoda::space
