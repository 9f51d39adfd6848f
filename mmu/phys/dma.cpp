#include "mmu/phys/dma.hpp"

#include <array>

namespace pagoda::phys {

std::optional<ZoneType> zone_for_mask(const Topology &topology, std::uint64_t dma_mask) {
  if (dma_mask >= topology.end().value() - 1) return ZoneType::Normal;
  switch (topology.layout) {
  case LayoutKind::Arena: return std::nullopt;
  case LayoutKind::Split32:
    if (dma_mask >= kDirectMapEnd.value() - 1) return ZoneType::Normal;
    break;
  case LayoutKind::Flat64:
    if (dma_mask >= kDma32End.value() - 1) return ZoneType::Dma32;
    break;
  }
  if (dma_mask >= kDmaEnd.value() - 1) return ZoneType::Dma;
  return std::nullopt;
}

Result<Gfn> allocate_dma(PhysicalMemory &memory, std::uint64_t dma_mask, Order order, FrameKind kind, Owner owner) {
  const std::optional<ZoneType> safe = zone_for_mask(memory.topology(), dma_mask);
  Error error = Error::Unsupported;
  // From the zone above the safe one on: part of it may lie below the mask.
  for (const auto &[zone, gfp] : std::array<std::pair<ZoneType, Gfp>, 3>{
           {{ZoneType::Normal, Gfp::None}, {ZoneType::Dma32, Gfp::Dma32}, {ZoneType::Dma, Gfp::Dma}}}) {
    if (safe && unsigned(zone) > unsigned(*safe) + 1) continue;
    const Request request{
        .gfp = Gfp::Kernel | Gfp::Zero | Gfp::NoWarn | gfp, .order = order, .kind = kind, .owner = owner};
    const Result<Gfn> block = memory.allocate(request);
    if (!block) {
      error = block.error();
      if (error == Error::Invalid) break;
      continue;
    }
    if ((block->gpa() + ((kPageSize << order) - 1)).value() <= dma_mask) return block;
    memory.put(*block);
    error = safe ? Error::OutOfMemory : Error::Unsupported;
  }
  return unexpected(error);
}

} // namespace pagoda::phys
