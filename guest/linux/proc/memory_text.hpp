// Text of /proc/meminfo, buddyinfo and vmstat from their figures.
#pragma once

#include <string>

#include "guest/linux/statistics.hpp"
#include "guest/linux/syscall/system/usage.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string meminfo_text(const MemoryFigures &figures);
[[nodiscard]] std::string buddyinfo_text(const phys::Counters &counters);
[[nodiscard]] std::string vmstat_text(const phys::Counters &counters, const Statistics &statistics,
                                      const tlb::FlushCounters &flushes);

} // namespace pagoda::kernel
