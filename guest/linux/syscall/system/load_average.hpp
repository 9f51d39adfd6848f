// The load averages of /proc/loadavg and sysinfo(2): how many tasks ran or wanted to, averaged over
// 1, 5 and 15 minutes with exponential decay.
//
// Linux samples every five seconds. Here nothing ticks: a reading adds what the vCPUs were busy since
// the last one (from their accounted time) and the tasks that wait for one now.
#pragma once

#include <array>
#include <cstdint>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

class LoadAverage {
public:
  // `active`: tasks running or waiting, on average, over the `elapsed_ns` since the last sample.
  void sample(double active, double elapsed_ns);
  // After a sample taken now; with Kernel::mutex held.
  static std::array<double, 3> read(Kernel &kernel) PAGODA_REQUIRES(kernel.mutex);
  [[nodiscard]] const std::array<double, 3> &values() const { return values_; }

private:
  std::array<double, 3> values_{};
  std::uint64_t last_ns_ = 0;
  std::uint64_t last_busy_ns_ = 0;
};

struct TaskCounts {
  std::uint64_t total = 0;    // threads, zombies' leaders not counted
  std::uint64_t runnable = 0; // running or waiting for a vCPU
  std::uint64_t waiting = 0;  // of those, waiting
};
[[nodiscard]] TaskCounts count_tasks(Kernel &kernel) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
