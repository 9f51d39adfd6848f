#include "mmu/fault/cases/cases.hpp"
#include "mmu/fault/space_access.hpp"

namespace pagoda::fault {

Outcome upgrade(space::Space &space, const space::Vma &area, Gva page, const table::Mapping &leaf, Access access) {
  // Another vCPU was faster, or the processor had cached the rights before they were raised.
  if (leaf_allows(leaf, access)) return {Case::Spurious, 0};
  table::InvalidationBatch batch;
  space::SpaceFaultAccess::table(space).protect({page, page + kPageSize}, area.leaf_prot(), batch);
  space::SpaceFaultAccess::finish(space, std::move(batch));
  return {Case::Upgrade, 0};
}

} // namespace pagoda::fault
