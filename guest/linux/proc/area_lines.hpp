// Lines of /proc/PID/maps and smaps (proc_pid_maps(5), proc_pid_smaps(5)), to the column.
#pragma once

#include <string>
#include <vector>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {

// "7f0000000000-7f0000001000 r--p 00000000 08:01 1234                       /usr/lib/x.so\n"
[[nodiscard]] std::string maps_line(const space::Vma &area);
[[nodiscard]] std::string maps_text(const std::vector<space::Vma> &areas);

// The block of one area, its maps line first.
[[nodiscard]] std::string smaps_block(const space::Vma &area, const space::PageFigures &pages);
[[nodiscard]] std::string smaps_text(const space::Space &space);
[[nodiscard]] std::string smaps_rollup_text(const space::Space &space);

} // namespace pagoda::kernel
