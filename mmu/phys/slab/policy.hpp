// How a cache uses its frames: one interface, several implementations.
#pragma once

#include <functional>
#include <string>

#include "mmu/phys/gfp.hpp"
#include "mmu/phys/kernel_page.hpp"
#include "mmu/phys/slab/figures.hpp"

namespace pagoda::phys {

class Cache;

// An object in use, as a leak report names it.
struct LiveObject {
  const void *address = nullptr;
  const void *caller = nullptr; // who allocated it, where that is tracked
  unsigned cpu = 0;
  std::uint64_t stamp = 0; // allocations of the cache until then
};

class CachePolicy {
public:
  CachePolicy() = default;
  virtual ~CachePolicy() = default;
  CachePolicy(const CachePolicy &) = delete;
  CachePolicy &operator=(const CachePolicy &) = delete;

  // An object, or null when there is no memory. `caller`: the code that asked, for owner tracking.
  [[nodiscard]] virtual void *allocate(Gfp gfp, const void *caller) = 0;
  // Anything: what is no object in use is refused and reported to the cache.
  virtual void free(void *object, const void *caller) = 0;
  // The same for what is known to be an object of this slab and not to be free.
  virtual void free_known(KernelPage & /*slab*/, std::uintptr_t object, const void *caller) {
    free(reinterpret_cast<void *>(object), caller);
  }
  // Gives unused slabs back; how many frames that freed.
  virtual std::uint64_t shrink() = 0;
  // Adds what the policy knows to the figures.
  virtual void count(CacheFigures &figures) = 0;
  // Empty when every invariant holds. Nothing is allocated or freed meanwhile.
  [[nodiscard]] virtual std::string invariant() = 0;
  // Every object in use, where the policy can tell them apart.
  virtual void for_each_live(const std::function<void(const LiveObject &)> &visit) = 0;
};

} // namespace pagoda::phys
