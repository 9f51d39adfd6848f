// Figures of the memory manager as text, where Linux has no file in /proc with a format to keep.
#pragma once

#include <map>
#include <string>

#include "mmu/phys/figures.hpp"

namespace pagoda::vmm::control {

// As /sys/kernel/debug/extfrag/{unusable,extfrag}_index have them, one below the other.
[[nodiscard]] std::string fragmentation_text(const phys::MemoryFigures &figures);

// As `numactl --hardware` and then `numastat` have them.
[[nodiscard]] std::string numa_text(const phys::MemoryFigures &figures);

// Frames counted by something, and by kind.
using KindCounts = std::array<std::uint64_t, phys::kFrameKinds>;
using PageRows = std::vector<std::pair<std::string, KindCounts>>;
// A column for each kind that there is, frames; and what all of a row come to.
[[nodiscard]] std::string pages_text(std::string_view by, const PageRows &rows);
// A row each, frames and bytes and their share.
[[nodiscard]] std::string kinds_text(const PageRows &rows);

} // namespace pagoda::vmm::control
