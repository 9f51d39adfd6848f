// Text of /proc/meminfo and vmstat from their figures.
#pragma once

#include <string>

#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/statistics.hpp"
#include "guest/linux/syscall/system/usage.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string meminfo_text(const MemoryFigures &figures);
[[nodiscard]] std::string vmstat_text(const MemorySnapshot &memory, const Statistics &statistics,
                                      const tlb::FlushCounters &flushes);

} // namespace pagoda::kernel
