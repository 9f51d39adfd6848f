#include "mmu/phys/slab/cache_allocator.hpp"

namespace pagoda::phys {

Cache *NamedCache::get(std::size_t size, std::size_t alignment) {
  Cache *cache = cache_.load(std::memory_order_acquire);
  if (cache == nullptr) [[unlikely]] {
    const Result<Cache *> made =
        registry_.create({.name = name_, .size = size, .alignment = alignment, .flags = flags_});
    // Exists: another thread was faster, or somebody else has the name; the former shows next time.
    if (!made) return nullptr;
    cache = *made;
    cache_.store(cache, std::memory_order_release);
  }
  return cache->object_size() >= size ? cache : nullptr;
}

bool NamedCache::has_another() const {
  Cache *cache = cache_.load(std::memory_order_acquire);
  if (cache == nullptr) return true;
  void *object = cache->allocate(Gfp::Kernel | Gfp::NoWarn);
  cache->free(object);
  return object != nullptr;
}

void *NamedCache::allocate(std::size_t size, std::size_t alignment) {
  if (Cache *cache = get(size, alignment)) [[likely]]
    if (void *object = cache->allocate()) [[likely]]
      return object;
  overflows_.fetch_add(1, std::memory_order_relaxed);
  return ::operator new(size, std::align_val_t{alignment});
}

void NamedCache::free(void *object, std::size_t alignment) {
  if (registry_.source().contains(object)) [[likely]]
    return cache_.load(std::memory_order_acquire)->free(object);
  ::operator delete(object, std::align_val_t{alignment});
}

} // namespace pagoda::phys
