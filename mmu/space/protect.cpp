#include <vector>

#include "mmu/space/space.hpp"
#include "mmu/table/page_table_impl.hpp"

namespace pagoda::space {

Result<> Space::protect(GvaRange range, Prot prot) {
  prot = prot & (Prot::Read | Prot::Write | Prot::Execute);
  if (!range.begin.page_aligned() || range.end < range.begin) return unexpected(Error::Invalid);
  if (range.empty()) return {};
  if (user_end_ < range.end) return unexpected(Error::OutOfMemory);
  range.end = range.end.page_ceil();

  const LockGuard guard(mutex);
  if (!areas_.covers(range)) return unexpected(Error::OutOfMemory);
  if (const auto room = can_split(); !room) return room;
  std::vector<Vma> becoming_writable; // without charge until now
  bool denied = false;
  areas_.for_each(range, [&](const Vma &area) {
    denied = denied || !has(area.max_prot, prot);
    if (area.shared || has(area.prot, Prot::Write) || !has(prot, Prot::Write)) return;
    becoming_writable.push_back(area.part(VmaTree::clip(area, range)));
  });
  if (denied) return unexpected(Error::Denied);
  for (Vma &area : becoming_writable) {
    area.prot = prot;
    if (const auto allowed = admit(area, area.range.length(), area.range.length()); !allowed) return allowed;
  }

  areas_.update(range, [&](Vma &area) { area.prot = prot; });
  Vma rights;
  rights.prot = prot;
  Batch batch;
  table_.protect(range, rights.leaf_prot(), batch);
  finish(std::move(batch));
  return {};
}

} // namespace pagoda::space
