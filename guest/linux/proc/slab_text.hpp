// Text of /proc/slabinfo from the figures of the caches, to the column (slabinfo(5), version 2.1;
// slabtop reads it).
#pragma once

#include <span>
#include <string>

#include "mmu/phys/slab/figures.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string slabinfo_text(std::span<const phys::CacheFigures> caches);

} // namespace pagoda::kernel
