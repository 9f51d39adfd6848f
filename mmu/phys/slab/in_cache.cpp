#include "mmu/phys/slab/in_cache.hpp"

namespace pagoda::phys {

namespace {

struct alignas(16) Header {
  NamedCache *cache;
};

} // namespace

void *InCache::operator new(std::size_t bytes) { return operator new(bytes, nullptr); }

void *InCache::operator new(std::size_t bytes, NamedCache *cache) {
  const std::size_t all = bytes + sizeof(Header);
  void *block = cache != nullptr ? cache->allocate(all, alignof(Header)) : ::operator new(all);
  return new (block) Header{cache} + 1;
}

void InCache::operator delete(void *object) {
  Header *header = static_cast<Header *>(object) - 1;
  if (NamedCache *cache = header->cache)
    cache->free(header, alignof(Header));
  else
    ::operator delete(static_cast<void *>(header));
}

void InCache::operator delete(void *object, NamedCache * /*cache*/) { operator delete(object); }

} // namespace pagoda::phys
