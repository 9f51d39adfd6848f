// Watermarks and reserves: how much of a zone stays free for those who cannot wait (Linux,
// Documentation/admin-guide/sysctl/vm.rst: min_free_kbytes, watermark_scale_factor, lowmem_reserve_ratio).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "mmu/phys/topology.hpp"
#include "mmu/phys/zone_type.hpp"

namespace pagoda::phys {

struct Watermarks {
  std::uint64_t min = 0;  // below it only requests that cannot wait
  std::uint64_t low = 0;  // below it background reclaim is woken
  std::uint64_t high = 0; // where it stops
  std::array<std::uint64_t, kZoneTypes> lowmem_reserve{};
};

// What Linux would choose for a machine with that much memory outside HIGHMEM and MOVABLE; never more
// than a 32nd of it, since guests may be far smaller than any machine.
[[nodiscard]] std::uint64_t default_min_free_kbytes(std::uint64_t low_kbytes);

struct ZoneSize {
  NodeId node = 0;
  ZoneType type = ZoneType::Normal;
  std::uint64_t managed = 0; // frames
};
// The watermarks of each zone, in the same order.
void compute_watermarks(const Topology &topology, std::span<const ZoneSize> zones, std::span<Watermarks> out);

} // namespace pagoda::phys
