// What a frame of kernel memory is used for: the payload of its descriptor, which slab and kmalloc own
// and leave as PageUse::None. Links are frame numbers; 0 is none (frame 0 is never handed out).
#pragma once

#include <atomic>
#include <cstdint>

#include "mmu/base/cpu_slot.hpp"
#include "mmu/phys/order.hpp"

namespace pagoda::phys {

enum class PageUse : std::uint8_t {
  None,  // free, or used by somebody who asks for whole frames (vmalloc)
  Slab,  // a slab of a cache, or the tail of one
  Slob,  // a page of first-fit units
  Large, // heads a block that kmalloc took straight from the buddy
};

// The objects of a slab that other CPUs have freed, and who owns the slab, in one word that changes
// by compare-and-swap: a free always finds list and owner in agreement.
struct RemoteFrees {
  static constexpr std::uint32_t kNone = ~0u;

  std::uint32_t head = kNone;      // byte offset in the slab of the object freed last
  std::uint16_t count = 0;         // objects on that list
  std::uint8_t owner = kNoCpuSlot; // CPU slot, or kNoCpuSlot: the node has it, under its lock
  bool queued = false;             // the slab is on its owner's `notified` list, or about to be

  static RemoteFrees unpack(std::uint64_t word) {
    return {std::uint32_t(word), std::uint16_t(word >> 32), std::uint8_t(word >> 48), (word >> 56) != 0};
  }
  [[nodiscard]] static std::uint8_t owner_of(std::uint64_t word) { return std::uint8_t(word >> 48); }
  [[nodiscard]] std::uint64_t pack() const {
    return std::uint64_t(head) | std::uint64_t(count) << 32 | std::uint64_t(owner) << 48 | std::uint64_t(queued) << 56;
  }
};
static_assert(kNoCpuSlot < 256);

struct KernelPage {
  static constexpr std::uint32_t kNone = ~0u;

  std::atomic<std::uint64_t> remote{0}; // RemoteFrees
  std::uint32_t next{0};                // of the list that the slab is on
  std::uint32_t prev{0};
  std::uint32_t notified{0}; // next slab of the owner's list of slabs with remote frees
  std::uint32_t freelist{0}; // byte offset of the first free object, or kNone
  std::uint16_t in_use{0};   // objects that are not on `freelist`; SLOB: free units of the page
  std::uint16_t cache{0};    // the registry's number of the cache; 0 in what is no slab
  PageUse use{PageUse::None};
  Order order{0};
  std::uint16_t tail{0}; // frames from the head of the slab to this one; SLOB: its list
};
static_assert(sizeof(KernelPage) == 32);

} // namespace pagoda::phys
