// Memory for devices that drive fewer address bits than the machine has: what the DMA zones are for
// (Linux, kernel/dma/direct.c).
#pragma once

#include <optional>

#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

// The highest zone that lies, all of it, within a device's mask (2^bits - 1); nothing when even the lowest
// zone reaches beyond.
[[nodiscard]] std::optional<ZoneType> zone_for_mask(const Topology &topology, std::uint64_t dma_mask);

// A block that the device can address to its last byte. It is first asked for in the highest zone that may
// have one: a machine without memory above the mask never touches the small zones for it.
// Unsupported: the mask is below the lowest zone and no frame there happened to do.
[[nodiscard]] Result<Gfn> allocate_dma(PhysicalMemory &memory, std::uint64_t dma_mask, Order order, FrameKind kind,
                                       Owner owner);

} // namespace pagoda::phys
