// The manager's own frames as a measurement sees them: a machine of one node over address room that
// nobody touches. Frames are not zeroed, so that what is timed is the allocator.
#pragma once

#include <cstdint>
#include <optional>

#include "mmu/phys/physical_memory.hpp"
#include "tools/measure/address_room.hpp"
#include "tools/measure/page_trace.hpp"

namespace pagoda::measure {

[[nodiscard]] constexpr phys::Gfp gfp_of(PageType type) {
  switch (type) {
  case PageType::Movable: return phys::Gfp::HighUserMovable;
  case PageType::Reclaimable: return phys::Gfp::Kernel | phys::Gfp::Reclaimable;
  case PageType::HighAtomic: return phys::Gfp::Atomic;
  case PageType::Unmovable: break;
  }
  return phys::Gfp::Kernel;
}
[[nodiscard]] constexpr phys::FrameKind kind_of(PageType type) {
  return type == PageType::Movable ? phys::FrameKind::Anonymous : phys::FrameKind::Table;
}

class ManagedFrames {
public:
  explicit ManagedFrames(std::uint64_t frames)
      : room_(topology_of(frames).end().value()), memory_(topology_of(frames), room_.base()) {}

  // By what the frame is for: program memory, the kernel's own, a cache, or a packet that cannot wait.
  [[nodiscard]] std::optional<Gfn> allocate(unsigned order, PageType type) {
    const auto frame = memory_.allocate(
        {.gfp = gfp_of(type), .order = phys::Order(order), .kind = kind_of(type), .owner = 1, .preferred = 0});
    return frame ? std::optional(*frame) : std::nullopt;
  }
  void free(Gfn head, unsigned order) { memory_.free(head, phys::Order(order)); }

  // Empties the per-CPU lists; how many frames.
  std::uint64_t drain() { return memory_.drain(); }
  [[nodiscard]] const phys::PhysicalMemory &memory() const { return memory_; }

private:
  [[nodiscard]] static phys::Topology topology_of(std::uint64_t frames) {
    return phys::Topology::without_reserves(frames << kPageShift);
  }

  AddressRoom room_;
  phys::PhysicalMemory memory_;
};

} // namespace pagoda::measure
