// SLOB's shape: first fit of 8-byte units in pages that all caches share, free blocks in order of
// address and joined with their neighbours when they are freed (Knuth, TAOCP vol. 1, 2.5). Least
// waste, one lock, linear searches: here to compare.
//
// Pages stand on one of three lists by the size of what was first asked of them, so that small objects
// do not splinter the room for large ones. A page without a unit in use goes back.
//
// Invariants: the free blocks of a page are in order, disjoint and never adjacent; their units are the
// page's count (KernelPage::in_use holds it). A free block's first unit says its length and the next.
#pragma once

#include <array>
#include <atomic>

#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/cache.hpp"

namespace pagoda::phys {

class SlobHeap {
public:
  static constexpr std::size_t kUnit = 8;

  explicit SlobHeap(SlabRegistry &registry) : registry_(registry) {}

  // Bytes beyond a page come as whole pages. Null when there is no memory.
  [[nodiscard]] void *allocate(std::size_t bytes, std::size_t alignment, Gfp gfp);
  // False, and `why`: it is no block of that size that is in use.
  [[nodiscard]] bool free(void *object, std::size_t bytes, Misuse &why);
  [[nodiscard]] std::uint64_t pages() const { return pages_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string invariant() const;

private:
  struct FreeBlock {
    std::uint16_t units;
    std::uint16_t next; // unit in the page; kNoUnit ends the list
    std::uint32_t mark; // nothing depends on it; tells a free block in a dump
  };
  static_assert(sizeof(FreeBlock) == kUnit);
  static constexpr std::uint16_t kNoUnit = 0xffff;
  static constexpr std::size_t kUnitsPerPage = kPageSize / kUnit;

  [[nodiscard]] static FreeBlock read(const std::byte *page, std::uint32_t unit);
  static void write(std::byte *page, std::uint32_t unit, FreeBlock block);
  [[nodiscard]] static std::size_t list_for(std::size_t bytes);
  [[nodiscard]] void *fit_locked(KernelPage &page, std::size_t units, std::size_t alignment) PAGODA_REQUIRES(mutex_);
  [[nodiscard]] void *allocate_in_new_page(std::size_t list, std::size_t units, std::size_t alignment, Gfp gfp);
  [[nodiscard]] bool free_units(KernelPage &page, std::uint32_t first, std::uint32_t units, std::byte *&empty,
                                Misuse &why);
  [[nodiscard]] std::string check_page_locked(const KernelPage &page) const PAGODA_REQUIRES(mutex_);

  SlabRegistry &registry_;
  mutable Mutex mutex_;
  std::array<std::uint32_t, 3> lists_ PAGODA_GUARDED_BY(mutex_){};
  std::atomic<std::uint64_t> pages_{0};
};

// A cache over the heap: it knows the size, nothing else.
class Slob final : public CachePolicy {
public:
  explicit Slob(Cache &cache);

  [[nodiscard]] void *allocate(Gfp gfp, const void *caller) override;
  void free(void *object, const void *caller) override;
  std::uint64_t shrink() override { return 0; }
  void count(CacheFigures &figures) override;
  [[nodiscard]] std::string invariant() override;
  void for_each_live(const std::function<void(const LiveObject &)> &) override {} // not told apart

private:
  [[nodiscard]] std::size_t bytes() const;

  Cache &cache_;
  SlobHeap &heap_;
  std::atomic<std::uint64_t> active_{0};
};

} // namespace pagoda::phys
