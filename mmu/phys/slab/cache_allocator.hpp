// Lets a standard container keep its nodes in a cache.
//
// A container has no way to say "no memory" but an exception, which no caller expects here. So when
// kernel memory is out a node comes from the host's heap, and goes back there: an address tells which.
// Those who can still refuse an operation ask `has_another` before they begin it.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

#include "mmu/phys/slab/registry.hpp"

namespace pagoda::phys {

// A cache by name that is created with the first object, whose size it takes over.
class NamedCache {
public:
  // `name` lives as long as this.
  NamedCache(SlabRegistry &registry, const char *name, CacheFlags flags = CacheFlags::NoMerge | CacheFlags::SmallSlabs)
      : registry_(registry), name_(name), flags_(flags) {}
  NamedCache(const NamedCache &) = delete;
  NamedCache &operator=(const NamedCache &) = delete;

  // Null when it cannot be created, or was created for smaller objects.
  [[nodiscard]] Cache *get(std::size_t size, std::size_t alignment);
  [[nodiscard]] SlabRegistry &registry() const { return registry_; }
  // Whether kernel memory has another object, or nothing is known yet. For who can still refuse.
  [[nodiscard]] bool has_another() const;
  // Objects that had to come from the host's heap, since creation.
  [[nodiscard]] std::uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

  [[nodiscard]] void *allocate(std::size_t size, std::size_t alignment);
  void free(void *object, std::size_t alignment); // of `allocate`

private:
  SlabRegistry &registry_;
  const char *name_;
  CacheFlags flags_;
  std::atomic<Cache *> cache_{nullptr};
  std::atomic<std::uint64_t> overflows_{0};
};

// Without a cache: the host's heap.
template <class T> class CacheAllocator {
public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  CacheAllocator() = default;
  explicit CacheAllocator(NamedCache *cache) : cache_(cache) {}
  template <class U> CacheAllocator(const CacheAllocator<U> &other) : cache_(other.cache()) {} // rebinding

  [[nodiscard]] T *allocate(std::size_t count) {
    if (cache_ != nullptr && count == 1) return static_cast<T *>(cache_->allocate(sizeof(T), alignof(T)));
    return static_cast<T *>(::operator new(count * sizeof(T), std::align_val_t{alignof(T)}));
  }
  void deallocate(T *object, std::size_t count) {
    if (cache_ != nullptr && count == 1)
      cache_->free(object, alignof(T));
    else
      ::operator delete(static_cast<void *>(object), std::align_val_t{alignof(T)});
  }
  [[nodiscard]] NamedCache *cache() const { return cache_; }
  template <class U> bool operator==(const CacheAllocator<U> &other) const { return cache_ == other.cache(); }

private:
  NamedCache *cache_ = nullptr;
};

} // namespace pagoda::phys
