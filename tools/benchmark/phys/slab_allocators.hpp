// Objects of one size from the manager's slab and from mimalloc, with one shape.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>

#include <mimalloc.h>

#include "mmu/phys/kernel_arena.hpp"
#include "mmu/phys/slab/registry.hpp"

namespace pagoda::bench {

struct OurSlab {
  static constexpr const char *kName = "ours";
  static constexpr std::uint64_t kArena = 1ull << 30;

  explicit OurSlab(std::size_t bytes) {
    auto made = phys::KernelArena::create(kArena);
    if (!made) throw std::bad_alloc();
    arena = std::move(*made);
    registry = std::make_unique<phys::SlabRegistry>(*arena);
    const auto created = registry->create({.name = "bench-" + std::to_string(bytes), .size = bytes});
    if (!created) throw std::bad_alloc();
    cache = *created;
  }
  void *allocate() { return cache->allocate(); }
  void free(void *object) { cache->free(object); }

  std::unique_ptr<phys::KernelArena> arena;
  std::unique_ptr<phys::SlabRegistry> registry;
  phys::Cache *cache = nullptr;
};

struct MimallocObjects {
  static constexpr const char *kName = "mimalloc";
  explicit MimallocObjects(std::size_t size) : bytes(size) {}
  void *allocate() const { return mi_malloc(bytes); }
  void free(void *object) const { mi_free(object); }
  std::size_t bytes;
};

} // namespace pagoda::bench
