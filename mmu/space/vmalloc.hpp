// Kernel memory that is contiguous in addresses and need not be in frames (vmalloc): page granular
// areas in a reserved range of host addresses, each followed by a guard page that faults.
//
// The frames of an area come one by one from the kernel arena and are charged at once; they are mapped
// from its memfd, and the host fills its page tables in when a page is first touched.
//
// Invariants (`invariant()`): areas are page aligned, in order and disjoint, with a page that belongs
// to none after each; every page of an area has a frame of its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/kernel_arena.hpp"
#include "mmu/phys/slab/cache_allocator.hpp"

namespace pagoda::space {

// One area, for /proc/vmallocinfo.
struct VmallocFigures {
  const void *begin = nullptr;
  Gva gva;                 // its address in the guest's kernel; 0: the layout has no room set aside
  std::uint64_t bytes = 0; // with the guard page
  std::uint64_t pages = 0;
  const void *caller = nullptr;
};

class Vmalloc {
public:
  static constexpr std::uint64_t kDefaultRange = 64ull << 30;

  // Reserves `range` bytes of addresses with the first area. `areas`: the cache of their descriptors
  // (vmap_area). `begin`: the range in the addresses of the guest's kernel, where its layout sets one
  // aside. All outlive this.
  explicit Vmalloc(phys::KernelArena &arena, phys::NamedCache *areas = nullptr, std::uint64_t range = kDefaultRange,
                   Gva begin = Gva(0));
  ~Vmalloc(); // nothing uses an area any more
  Vmalloc(const Vmalloc &) = delete;
  Vmalloc &operator=(const Vmalloc &) = delete;

  // `bytes` rounded up to pages; Gfp::Zero: they read as zero, without being touched here. Invalid:
  // none; NoSpace: no gap; OutOfMemory: more than the range or the arena has, no frames, or the host
  // refuses the mapping.
  [[nodiscard]] Result<std::byte *> allocate(std::uint64_t bytes, phys::Gfp gfp = phys::Gfp::Kernel);
  // NotMapped: no area begins there.
  Result<> free(void *begin);
  // Bytes of the area that begins there, without its guard page; 0 when none does.
  [[nodiscard]] std::uint64_t size_of(const void *begin) const;
  [[nodiscard]] bool contains(const void *address) const; // an address inside an area
  // What lies at an address of the guest's kernel; null outside of every area, guard pages included.
  [[nodiscard]] std::byte *host(Gva gva) const;

  [[nodiscard]] std::vector<VmallocFigures> figures() const; // in order of address
  [[nodiscard]] std::uint64_t total_bytes() const { return range_; }
  [[nodiscard]] std::uint64_t used_bytes() const; // VmallocUsed
  [[nodiscard]] std::string invariant() const;

private:
  struct Area {
    std::vector<std::byte *> frames;
    const void *caller = nullptr;
    bool going = false; // freed, and being unmapped
    [[nodiscard]] std::uint64_t bytes() const { return frames.size() << kPageShift; }
  };
  // By offset in the range.
  using Areas = std::map<std::uint64_t, Area, std::less<>, phys::CacheAllocator<std::pair<const std::uint64_t, Area>>>;

  [[nodiscard]] Result<> reserve_locked() PAGODA_REQUIRES(mutex_);
  // The lowest gap that has room for `bytes` and the guard page.
  [[nodiscard]] std::optional<std::uint64_t> gap_locked(std::uint64_t bytes) const PAGODA_REQUIRES(mutex_);
  // All frames or none.
  [[nodiscard]] std::vector<std::byte *> take_frames(std::uint64_t count, phys::Gfp gfp);
  void give_frames(const std::vector<std::byte *> &frames);
  [[nodiscard]] bool map(std::uint64_t offset, const std::vector<std::byte *> &frames);
  void unmap(std::uint64_t offset, std::uint64_t bytes);
  Result<> erase(std::uint64_t offset) PAGODA_EXCLUDES(mutex_);
  [[nodiscard]] std::byte *address(std::uint64_t offset) const {
    return base_.load(std::memory_order_acquire) + offset;
  }
  // Of an address that may be anything.
  [[nodiscard]] std::uint64_t offset_of(const void *address) const {
    return reinterpret_cast<std::uintptr_t>(address) -
           reinterpret_cast<std::uintptr_t>(base_.load(std::memory_order_acquire));
  }

  phys::KernelArena &arena_;
  const std::uint64_t range_;
  const Gva begin_;
  mutable Mutex mutex_;
  std::atomic<std::byte *> base_{nullptr}; // set once, with the first area
  Areas areas_ PAGODA_GUARDED_BY(mutex_);
  std::uint64_t pages_ PAGODA_GUARDED_BY(mutex_) = 0;
};

} // namespace pagoda::space
