// The managers that a trace can be replayed through.
#pragma once

#include <vector>

#include "mmu/phys/memblock.hpp"
#include "mmu/phys/slab/spec.hpp"
#include "tools/measure/replay.hpp"

namespace pagoda::measure {

// Lists of holes, before there is a buddy.
[[nodiscard]] ManagerKind memblock_manager(phys::Fit fit);
// Whole blocks of 2^order frames: what is asked for is rounded up.
[[nodiscard]] ManagerKind buddy_manager();
// kmalloc over caches of that policy; what is above their classes comes from the buddy.
[[nodiscard]] ManagerKind slab_manager(phys::SlabPolicy policy);
// Whole pages, contiguous in addresses alone.
[[nodiscard]] ManagerKind vmalloc_manager();

} // namespace pagoda::measure
