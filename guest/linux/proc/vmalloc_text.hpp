// Text of /proc/vmallocinfo from the figures of the areas (Linux, mm/vmalloc.c as behaviour).
//
// A guest is not told where the host's memory lies: areas keep their distances, and the first stands
// where Linux's range begins. With the 32-bit layout they have addresses of their own.
#pragma once

#include <span>
#include <string>

#include "mmu/space/vmalloc.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string vmallocinfo_text(std::span<const space::VmallocFigures> areas);

} // namespace pagoda::kernel
