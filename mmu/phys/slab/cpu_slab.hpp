// What a CPU has of a SLUB cache, in one cache line.
//
// Its own thread alone reads and writes it, inside `lock`, save for `notified`, where other CPUs
// leave the slabs that they have freed objects of.
#pragma once

#include <atomic>
#include <cstdint>

#include "mmu/base/biased_lock.hpp"
#include "mmu/phys/slab/page_list.hpp"

namespace pagoda::phys {

// A free-list link as it is stored in an object; reading one never assumes a type of the object.
using Link [[gnu::may_alias]] = std::uintptr_t;

// Objects of one slab of another owner's that were freed here and not handed over yet: a chain of `count`,
// by byte offsets in the slab.
struct PendingFrees {
  static constexpr std::uint32_t kMost = 32;

  std::uint32_t slab = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t count = 0;
};

struct alignas(64) CpuSlab {
  // Ends the free list of the slab at `base`: no address of an object, yet inside the slab, so that
  // one comparison finds any link.
  static constexpr std::uintptr_t kEnd = 1;

  BiasedLock lock;
  std::uintptr_t freelist = kEnd;         // of the current slab
  std::uintptr_t base = 0;                // where that lies
  std::uint32_t objects = 0;              // how many it has; 0: there is none
  page_list::Queue partial;               // slabs (KernelPage numbers) that this CPU owns: with free objects,
  std::uint32_t full = 0;                 // and without
  std::uint32_t empty_slabs = 0;          // of `partial`, how many have no object in use
  std::atomic<std::uint32_t> notified{0}; // slabs with remote frees
  PendingFrees pending;
};
static_assert(sizeof(CpuSlab) == 64);

} // namespace pagoda::phys
