// Which pages of a range are resident (mincore(2)).
#pragma once

#include <cstddef>
#include <span>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {

// One byte a page from `begin`: bit 0 set when the page is present. Of out.size() pages.
void fill_residency(const space::Space &space, Gva begin, std::span<std::byte> out);

// Whether every page of the range lies in some area.
[[nodiscard]] bool fully_mapped(const space::Space &space, GvaRange range);

} // namespace pagoda::kernel
