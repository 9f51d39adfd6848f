// Text of /proc/stat, uptime and loadavg from their figures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "guest/linux/syscall/system/load_average.hpp"

namespace pagoda::kernel {

// What one vCPU was busy with since the run began.
struct CpuBusy {
  std::uint64_t guest_ns = 0; // user: inside the guest
  std::uint64_t host_ns = 0;  // system: handling exits
};

struct MachineFigures {
  std::vector<CpuBusy> cpus;
  std::uint64_t uptime_ns = 0;
  std::int64_t boot_time = 0; // seconds since 1970
  std::uint64_t switches = 0;
  std::uint64_t created = 0; // processes and threads
  TaskCounts tasks;
  std::array<double, 3> load{};
  std::uint32_t last_tid = 0;
};

[[nodiscard]] MachineFigures machine_figures(Kernel &kernel);
[[nodiscard]] std::string stat_text(const MachineFigures &figures);
[[nodiscard]] std::string uptime_text(const MachineFigures &figures);
[[nodiscard]] std::string loadavg_text(const MachineFigures &figures);

} // namespace pagoda::kernel
