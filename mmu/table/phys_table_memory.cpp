#include "mmu/table/phys_table_memory.hpp"

#include "mmu/base/failpoint.hpp"

namespace pagoda::table {

Result<Gfn> PhysTableMemory::allocate() {
  if (failpoint::table_allocation.fails()) return unexpected(Error::OutOfMemory);
  return memory_->allocate(0, phys::FrameKind::Table, owner_, phys::Zeroed::Yes);
}

} // namespace pagoda::table
