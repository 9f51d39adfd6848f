#include "mmu/phys/watermark.hpp"

#include <algorithm>

namespace pagoda::phys {

namespace {

constexpr std::uint64_t kLeastMinFree = 128;               // KiB
constexpr std::uint64_t kMostMinFree = 256 << 10;          // KiB
constexpr std::uint64_t kKbytesPerFrame = kPageSize >> 10; // KiB

// Zones whose frames the kernel itself cannot use have a reserve of their own, small.
bool is_low(ZoneType type) { return type != ZoneType::HighMem && type != ZoneType::Movable; }

std::uint64_t square_root(std::uint64_t n) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = 1ull << 31; bit != 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= n) root += bit;
  return root;
}

std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t divisor) {
  return divisor == 0 ? 0 : std::uint64_t(static_cast<unsigned __int128>(a) * b / divisor);
}

} // namespace

std::uint64_t default_min_free_kbytes(std::uint64_t low_kbytes) {
  const std::uint64_t wanted = std::clamp(square_root(low_kbytes * 16), kLeastMinFree, kMostMinFree);
  return std::min(wanted, low_kbytes / 32);
}

void compute_watermarks(const Topology &topology, std::span<const ZoneSize> zones, std::span<Watermarks> out) {
  std::uint64_t low = 0;
  for (const ZoneSize &zone : zones)
    if (is_low(zone.type)) low += zone.managed;
  const std::uint64_t kbytes = topology.min_free_kbytes.value_or(default_min_free_kbytes(low * kKbytesPerFrame));
  const std::uint64_t frames = std::min(kbytes / kKbytesPerFrame, low / 2);
  for (std::size_t i = 0; i < zones.size(); ++i) {
    const std::uint64_t managed = zones[i].managed;
    const std::uint64_t share = scaled(frames, managed, low);
    out[i].min = share;
    if (!is_low(zones[i].type)) out[i].min = frames == 0 ? 0 : std::clamp<std::uint64_t>(managed / 1024, 32, 128);
    const std::uint64_t step = std::max(share / 4, scaled(managed, topology.watermark_scale_factor, 10000));
    out[i].low = out[i].min + step;
    out[i].high = out[i].low + step;
    // Against requests that could have used the zones above.
    std::uint64_t above = 0;
    const unsigned ratio = topology.lowmem_reserve_ratio[unsigned(zones[i].type)];
    for (unsigned type = unsigned(zones[i].type) + 1; type < kZoneTypes; ++type) {
      for (const ZoneSize &other : zones)
        if (other.node == zones[i].node && unsigned(other.type) == type && other.type != ZoneType::Device)
          above += other.managed;
      out[i].lowmem_reserve[type] = ratio == 0 ? 0 : above / ratio;
    }
  }
}

} // namespace pagoda::phys
