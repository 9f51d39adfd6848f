#include "guest/linux/syscall/system/load_average.hpp"

#include <algorithm>
#include <cmath>

namespace pagoda::kernel {

void LoadAverage::sample(double active, double elapsed_ns) {
  constexpr std::array<double, 3> kMinutes{1, 5, 15};
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const double kept = std::exp(-elapsed_ns / (kMinutes[i] * 60e9));
    values_[i] = values_[i] * kept + active * (1 - kept);
  }
}

std::array<double, 3> LoadAverage::read(Kernel &kernel) {
  if (!kernel.load_average) kernel.load_average = std::make_shared<LoadAverage>();
  LoadAverage &load = *kernel.load_average;
  const std::uint64_t now = kernel.now_ns();
  if (now <= load.last_ns_) return load.values_;
  const Statistics &statistics = kernel.statistics();
  const std::uint64_t busy = statistics.guest_ns + statistics.host_ns;
  const auto elapsed = double(now - load.last_ns_);
  const auto cpus = double(kernel.platform().cpus.size());
  const double running = std::clamp(double(busy - std::min(busy, load.last_busy_ns_)) / elapsed, 0.0, cpus);
  load.sample(running + double(count_tasks(kernel).waiting), elapsed);
  load.last_ns_ = now;
  load.last_busy_ns_ = busy;
  return load.values_;
}

TaskCounts count_tasks(Kernel &kernel) {
  TaskCounts counts;
  for (const auto &[pid, process] : kernel.processes) {
    for (const auto &task : process->tasks) {
      if (task->state == TaskState::Dead) continue;
      ++counts.total;
      if (task->state == TaskState::Runnable) ++counts.waiting;
      if (task->state == TaskState::Runnable || task->state == TaskState::Running) ++counts.runnable;
    }
  }
  return counts;
}

} // namespace pagoda::kernel
