// Memory of any size for the kernel (kmalloc): size classes in caches of their own, larger blocks
// straight from the buddy. SLOB needs no classes: there each block carries its length.
//
// The upper limit is kMax, 4 MiB: a block of the buddy's highest usual order. What is larger belongs
// into vmalloc.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/registry.hpp"

namespace pagoda::phys {

class Kmalloc {
public:
  static constexpr std::array<std::size_t, 13> kClasses{8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};
  static constexpr std::size_t kMax = kPageSize << 10;

  // Caches come into being when a block of their class is first wanted. `registry` outlives this.
  explicit Kmalloc(SlabRegistry &registry) : registry_(registry), source_(registry.source()) {}
  Kmalloc(const Kmalloc &) = delete;
  Kmalloc &operator=(const Kmalloc &) = delete;

  // At least `bytes`, aligned to 8 and, for a power of two, to its size (SLOB: to 8). Null: no memory,
  // or none or more than kMax bytes are asked for. Gfp::Reclaimable: from the kmalloc-rcl caches.
  [[nodiscard]] void *allocate(std::size_t bytes, Gfp gfp = Gfp::Kernel);
  [[nodiscard]] void *allocate_zeroed(std::size_t bytes, Gfp gfp = Gfp::Kernel) {
    return allocate(bytes, gfp | Gfp::Zero);
  }
  // `count` elements of `bytes`; null too when their product overflows.
  [[nodiscard]] void *allocate_array(std::size_t count, std::size_t bytes, Gfp gfp = Gfp::Kernel);
  // Moves a block to one of at least `bytes`, its content kept as far as both reach. Null: the block is
  // as it was. A null block is an allocation; no bytes free it.
  [[nodiscard]] void *reallocate(void *block, std::size_t bytes, Gfp gfp = Gfp::Kernel);
  // Null is nothing; what is no block is refused and counted.
  void free(void *block);
  // Bytes that the block really has; 0 for what is no block.
  [[nodiscard]] std::size_t size_of(const void *block) const;

  // The class of that many bytes (1 to 8192), by its place in kClasses.
  [[nodiscard]] static std::size_t class_of(std::size_t bytes);
  // Frames in blocks that came straight from the buddy.
  [[nodiscard]] std::uint64_t large_frames() const { return large_frames_.load(std::memory_order_relaxed); }

private:
  struct Header { // SLOB: in front of a block
    std::size_t bytes;
  };
  [[nodiscard]] bool by_units() const {
    return registry_.options().policy == SlabPolicy::Slob && !any(registry_.options().checks);
  }
  [[nodiscard]] Cache *cache_for(std::size_t index, bool reclaimable);
  [[nodiscard]] void *allocate_large(std::size_t bytes, Gfp gfp);
  [[nodiscard]] void *allocate_units(std::size_t bytes, Gfp gfp);
  void free_large(KernelPage &page, void *block);
  void free_units(void *block, const void *caller);

  SlabRegistry &registry_;
  FrameSource &source_;
  std::array<std::array<std::atomic<Cache *>, kClasses.size()>, 2> caches_{}; // [reclaimable][class]
  Mutex mutex_;                                                               // while one is created
  std::atomic<std::uint64_t> large_frames_{0};
};

} // namespace pagoda::phys
