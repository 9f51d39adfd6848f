// Making pages present ahead of their use (MAP_POPULATE, mlock, MADV_POPULATE_*).
#pragma once

#include "guest/linux/syscall/call.hpp"
#include "mmu/fault/fault.hpp"

namespace pagoda::kernel {

// Resolves `access` for every page of the range; stops at the first that cannot be, and returns its
// outcome (Case::Spurious when all are present). Bounded by the memory there is; stops early, as if
// out of memory, when the caller is being killed.
fault::Outcome populate(const Call &call, GvaRange range, Access access);

// One fault ahead of its time, counted and traced as one taken for a system call.
fault::Outcome fault_in(const Call &call, Gva at, Access access);

// For mmap and mlock: writes where the area may be written, so that private pages are its own; an
// area without rights is passed over. True when every page of every other area is present.
bool populate_by_rights(const Call &call, GvaRange range);

} // namespace pagoda::kernel
