// The place at which object allocation can be made to fail.
#pragma once

#include "mmu/base/failpoint.hpp"

namespace pagoda::failpoint {

// phys/slab: an object that no CPU's own free list has (in a debug cache: every object).
extern Site slab_allocation;

} // namespace pagoda::failpoint
