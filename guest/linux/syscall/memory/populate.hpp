// Making pages present ahead of their use (MAP_POPULATE, mlock, MADV_POPULATE_*).
#pragma once

#include "mmu/fault/fault.hpp"

namespace pagoda::kernel {

// Resolves `access` for every page of the range; stops at the first that cannot be, and returns its
// outcome (Case::Spurious when all are present). Bounded by the memory there is.
fault::Outcome populate(space::Space &space, GvaRange range, Access access);

// For mmap and mlock: writes where the area may be written, so that private pages are its own; an
// area without rights is passed over. True when every page of every other area is present.
bool populate_by_rights(space::Space &space, GvaRange range);

} // namespace pagoda::kernel
