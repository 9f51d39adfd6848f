// Processor time from the accounting of tasks: what the CPU clocks, timers and limits measure.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

struct CpuTime {
  std::uint64_t user_ns = 0;
  std::uint64_t system_ns = 0;
  [[nodiscard]] std::uint64_t total() const { return user_ns + system_ns; }
};

// With Kernel::mutex held. A process includes its threads that have ended.
[[nodiscard]] CpuTime cpu_time(const Task &task);
[[nodiscard]] CpuTime cpu_time(const Process &process);

} // namespace pagoda::kernel
