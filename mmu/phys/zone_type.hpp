// Zones: the parts of a node's memory that differ in who can use them (Linux, include/linux/mmzone.h).
// The order matters: an allocation that may use a zone may fall back to every one before it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mmu/phys/gfp.hpp"

namespace pagoda::phys {

enum class ZoneType : std::uint8_t {
  Dma,     // below 16 MiB: devices with 24 address bits
  Dma32,   // below 4 GiB: devices with 32 address bits; not in the 32-bit layout
  Normal,  // the rest; up to 896 MiB in the 32-bit layout
  HighMem, // 32-bit layout alone: not in the kernel's direct map
  Movable, // pages that can be migrated and nothing else, so that it can be emptied
  Device,  // a file as memory: keeps its contents, never handed out by the buddy
};
inline constexpr unsigned kZoneTypes = 6;

[[nodiscard]] constexpr std::string_view name(ZoneType type) {
  constexpr std::array<std::string_view, kZoneTypes> kNames{"DMA", "DMA32", "Normal", "HighMem", "Movable", "Device"};
  return kNames[unsigned(type) % kZoneTypes];
}

namespace detail {
// By the four zone modifiers; the lowest zone that is named wins.
inline constexpr auto kHighestZones = [] {
  std::array<ZoneType, 16> zones{};
  for (unsigned bits = 0; bits < zones.size(); ++bits) {
    const auto each = Gfp(bits);
    zones[bits] = has(each, Gfp::Dma)                      ? ZoneType::Dma
                  : has(each, Gfp::Dma32)                  ? ZoneType::Dma32
                  : has(each, Gfp::HighMem | Gfp::Movable) ? ZoneType::Movable
                  : has(each, Gfp::HighMem)                ? ZoneType::HighMem
                                                           : ZoneType::Normal;
  }
  return zones;
}();
static_assert(std::uint32_t(Gfp::Dma | Gfp::Dma32 | Gfp::HighMem | Gfp::Movable) == 15);
} // namespace detail

// The highest zone that will do for a request.
[[nodiscard]] constexpr ZoneType highest_zone(Gfp gfp) { return detail::kHighestZones[std::uint32_t(gfp) & 15]; }

} // namespace pagoda::phys
