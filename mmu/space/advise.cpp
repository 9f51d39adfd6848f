#include "mmu/space/space.hpp"

namespace pagoda::space {

Result<> Space::advise(GvaRange range, Advice advice) {
  if (!range.begin.page_aligned() || range.end < range.begin) return unexpected(Error::Invalid);
  if (range.empty()) return {};
  if (user_end_ < range.end) return unexpected(Error::OutOfMemory);
  range.end = range.end.page_ceil();

  const LockGuard guard(mutex);
  bool suitable = true;
  areas_.for_each(range, [&](const Vma &area) {
    suitable = suitable && !area.fixed_frames && (advice != Advice::Free || area.private_anonymous());
  });
  if (!suitable) return unexpected(Error::Invalid);
  Batch batch;
  for (const Vma *area = areas_.find_at_or_above(range.begin); area != nullptr && area->range.begin < range.end;
       area = areas_.find_at_or_above(area->range.end))
    drop_pages(VmaTree::clip(*area, range), *area, batch);
  finish(std::move(batch));
  if (!areas_.covers(range)) return unexpected(Error::OutOfMemory);
  return {};
}

} // namespace pagoda::space
