// The page descriptor: one per frame of guest-physical memory, in host memory that no guest reaches. A
// lookup is one shift and one load: `frames[gfn]`, each a cache line of its own.
//
// Life of a frame, and who may change what (checked by `PhysicalMemory`):
//   Loose --allocate--> Head, kind, refs = 1    refs > 1: pinned for a copy, or mapped more than once
//   refs 1 -> 0: the block goes back to the buddy, or a single frame to a per-CPU list, as Loose
//   Reserved frames (holes, frame 0) are never in the buddy
// All zeroes is a Loose, free frame: a descriptor that was never touched needs no set-up.
//
// In a block of several frames the head speaks for all: refs, maps and flags are the head's. Kind and
// owner are written to every frame of a block below a pageblock; from a pageblock on the lookup finds
// the head by the pageblock (PhysicalMemory::frame).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "mmu/phys/frame_flags.hpp"
#include "mmu/phys/frame_kind.hpp"
#include "mmu/phys/order.hpp"
#include "mmu/phys/relaxed.hpp"

namespace pagoda::phys {

// Who the frame belongs to: an opaque key (an address-space id for program pages).
using Owner = std::uint32_t;

enum class BlockState : std::uint8_t {
  Loose, // free, or inside a block of whole pageblocks
  Head,  // heads a block that was handed out
  Tail,  // inside a block that was handed out
};

inline constexpr std::size_t kFramePayload = 40;

struct alignas(64) Frame {
  std::atomic<std::uint32_t> refs{0}; // of the block that this frame heads; 0 in a tail
  std::atomic<std::uint32_t> maps{0}; // leaves of page tables that lead here
  Relaxed<Owner> owner{0};
  Relaxed<FrameKind> kind{FrameKind::Free};
  Relaxed<Order> order{0}; // of the block that this frame heads
  Relaxed<BlockState> block{BlockState::Loose};
  Relaxed<std::uint8_t> zone{0}; // which of the memory's zones, by place in its list
  std::atomic<FrameFlags> flags{0};
  Relaxed<std::uint32_t> head{0}; // a tail's head, by frame number
  // What it holds is for the one whose kind the frame has: a slab's freelist, counts and cache. Left as
  // it is by allocation and free.
  alignas(8) std::byte payload[kFramePayload]{};
};
static_assert(sizeof(Frame) == 64, "one cache line, and a shift finds it");

} // namespace pagoda::phys
