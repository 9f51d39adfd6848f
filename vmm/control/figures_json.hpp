// Figures of the memory manager as JSON. Keys are stable: they may be added to, never renamed. Frames
// (4K) unless a key says otherwise; lists by order begin at order 0.
#pragma once

#include <span>

#include "mmu/phys/figures.hpp"
#include "mmu/phys/slab/figures.hpp"
#include "vmm/control/protocol.hpp"

namespace pagoda::vmm::control {

[[nodiscard]] Json json_of(const phys::ZoneFigures &zone);
[[nodiscard]] Json json_of(const phys::NodeFigures &node);
[[nodiscard]] Json json_of(const phys::CacheFigures &cache);

// {"node":…, "zone":…, "free_blocks":[…]}, and with the indices of fragmentation in thousandths.
enum class Fragmentation : bool { No, Yes };
[[nodiscard]] Json free_blocks_json(const phys::ZoneFigures &zone, Fragmentation with);
[[nodiscard]] Json pagetypes_json(const phys::ZoneFigures &zone);

// By name, zeros left out.
[[nodiscard]] Json kinds_json(std::span<const std::uint64_t, phys::kFrameKinds> by_kind);

// Free blocks of a zone by order, up to the highest that it has.
[[nodiscard]] std::vector<std::uint64_t> free_blocks(const phys::ZoneFigures &zone);

} // namespace pagoda::vmm::control
