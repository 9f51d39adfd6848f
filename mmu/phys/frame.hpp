// The page descriptor: one per frame of guest-physical memory, in host memory that no guest reaches.
//
// Life of a frame, and who may change what (checked by `PhysicalMemory`):
//   Free --allocate--> kind, refs = 1        refs > 1: pinned for a copy, or mapped more than once
//   refs 1 -> 0: the frame goes back to the buddy as Free
//   Reserved frames (holes, vDSO) are never in the buddy
#pragma once

#include <atomic>
#include <cstdint>

namespace pagoda::phys {

enum class FrameKind : std::uint8_t {
  Free,      // in the buddy
  Reserved,  // not memory that can be handed out: a hole or a foreign slot
  Anonymous, // program data: heap, stack, private copies
  File,      // a page filled from a file
  Table,     // a guest page table: unmovable, written by atomic stores only
  Stub,      // the ring-0 stub's own pages
};
inline constexpr unsigned kFrameKinds = 6;

// An order-n block is 2^n frames, aligned to its size.
using Order = std::uint8_t;
inline constexpr Order kMaxOrder = 10;

// Who the frame belongs to: an opaque key (an address-space id for program pages).
using Owner = std::uint32_t;

// Where a descriptor stands among the buddy's blocks. All zeroes is a body, so a descriptor that was
// never touched belongs to no block of its own.
enum class BlockState : std::uint8_t {
  Body, // inside a block that another frame heads, or not fed to the buddy yet
  Free, // heads a block on a free list
  Used, // heads a block that was handed out
};

struct Frame {
  std::atomic<std::uint32_t> refs{0}; // of the block that this frame heads; 0 in a body
  Owner owner{0};
  FrameKind kind{FrameKind::Free};
  Order order{0}; // of the block that this frame heads
  BlockState block{BlockState::Body};
  std::uint32_t next{0}; // free list links, frame numbers + 1; 0 is none
  std::uint32_t prev{0};
};
static_assert(sizeof(Frame) <= 64);

} // namespace pagoda::phys
