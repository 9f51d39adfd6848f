// Text of /proc/zoneinfo, buddyinfo and pagetypeinfo from the figures of the zones, to the column
// (Linux, mm/vmstat.c as behaviour; procps and the kernel's own scripts read them).
//
// A counter that nothing here keeps (lists of active pages, dirty pages) has no line.
#pragma once

#include <string>

#include "mmu/phys/figures.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string buddyinfo_text(const phys::MemoryFigures &figures);
[[nodiscard]] std::string pagetypeinfo_text(const phys::MemoryFigures &figures);
[[nodiscard]] std::string zoneinfo_text(const phys::MemoryFigures &figures);

} // namespace pagoda::kernel
