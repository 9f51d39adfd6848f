// What a frame is used for.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace pagoda::phys {

enum class FrameKind : std::uint8_t {
  Free,      // in the buddy or on a per-CPU list
  Reserved,  // not memory that can be handed out: a hole, frame 0 or a foreign slot
  Anonymous, // program data: heap, stack, private copies
  File,      // a page filled from a file
  Table,     // a guest page table: unmovable, written by atomic stores only
  Stub,      // the ring-0 stub's own pages
  Slab,      // a slab of a cache
  Kernel,    // the manager's own, not in a slab: large kmalloc, vmalloc, pools
  Device,    // of a file used as memory; never handed out
};
inline constexpr unsigned kFrameKinds = 9;

[[nodiscard]] constexpr std::string_view name(FrameKind kind) {
  constexpr std::array<std::string_view, kFrameKinds> kNames{"free", "reserved", "anonymous", "file",  "table",
                                                             "stub", "slab",     "kernel",    "device"};
  return kNames[unsigned(kind) % kFrameKinds];
}

// Kinds that a request may ask for.
[[nodiscard]] constexpr bool can_be_allocated(FrameKind kind) {
  return unsigned(kind) >= unsigned(FrameKind::Anonymous) && unsigned(kind) <= unsigned(FrameKind::Kernel);
}

// Program pages: they can be copied elsewhere, and only the guest's page tables know where they are.
[[nodiscard]] constexpr bool can_move(FrameKind kind) {
  return kind == FrameKind::Anonymous || kind == FrameKind::File;
}

} // namespace pagoda::phys
