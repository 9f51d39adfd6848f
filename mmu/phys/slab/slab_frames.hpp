// Marks the frames of a slab with the cache that they belong to, and finds the slab of an address.
#pragma once

#include "mmu/phys/slab/cache.hpp"

namespace pagoda::phys::slab_frames {

// A new slab for `cache`, or null. Its descriptors name the cache; nobody has it yet.
[[nodiscard]] KernelPage *take(Cache &cache, Gfp gfp, NodeId node);
// The slab goes back; no object of it is in use and it is on no list.
void give(Cache &cache, KernelPage &slab);

// The slab that the address lies in and that this cache has, else null: then `why` says what it is.
[[nodiscard]] KernelPage *find(Cache &cache, const void *address, Misuse &why);

} // namespace pagoda::phys::slab_frames
