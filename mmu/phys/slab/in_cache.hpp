// Objects that live in a cache and are deleted like any other: `new (&cache) T(...)`, and `delete` or a
// smart pointer finds the way back.
#pragma once

#include <cstddef>

#include "mmu/phys/slab/cache_allocator.hpp"

namespace pagoda::phys {

// Base of such a class, which needs no alignment beyond 16. In front of the object stands the cache that
// it came from; null is the heap.
class InCache {
public:
  static void *operator new(std::size_t bytes);
  static void *operator new(std::size_t bytes, NamedCache *cache);
  static void operator delete(void *object);
  static void operator delete(void *object, NamedCache *cache); // the constructor threw
};

} // namespace pagoda::phys
