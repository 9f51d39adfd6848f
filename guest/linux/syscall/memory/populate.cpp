#include "guest/linux/syscall/memory/populate.hpp"

#include <algorithm>

namespace pagoda::kernel {

fault::Outcome populate(space::Space &space, GvaRange range, Access access) {
  for (Gva at = range.begin; at < range.end; at += kPageSize) {
    const auto mapping = space.query(at);
    if (mapping && has(mapping->prot, needed(access))) continue;
    const fault::Outcome outcome = fault::resolve(space, at, access);
    if (!outcome.resolved()) return outcome;
  }
  return {fault::Case::Spurious, 0};
}

bool populate_by_rights(space::Space &space, GvaRange range) {
  bool complete = true;
  for (const space::Vma &area : space.areas()) {
    if (!area.range.overlaps(range) || area.fixed_frames) continue;
    const GvaRange part{std::max(area.range.begin, range.begin), std::min(area.range.end, range.end)};
    const bool writes = has(area.prot, Prot::Write) && !area.shared;
    if (!writes && !any(area.prot)) continue;
    const Access access = writes                          ? Access::Write
                          : has(area.prot, Prot::Read)    ? Access::Read
                          : has(area.prot, Prot::Execute) ? Access::Execute
                                                          : Access::Write;
    complete = populate(space, part, access).resolved() && complete;
  }
  return complete;
}

} // namespace pagoda::kernel
