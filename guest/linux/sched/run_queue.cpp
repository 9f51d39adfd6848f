#include "guest/linux/sched/run_queue.hpp"

#include <algorithm>

#include "guest/linux/task.hpp"

namespace pagoda::kernel {

bool may_run_on(const Task &task, int cpu) {
  if (task.fpu_on_cpu) return task.last_cpu == cpu;
  return (task.affinity >> (unsigned(cpu) & 63) & 1) != 0;
}

void RunQueue::add(Task &task) {
  const std::uint64_t least = floor_ > kSleeperCredit ? floor_ - kSleeperCredit : 0;
  task.vruntime = std::max(task.vruntime, least);
  tasks_.emplace(task.vruntime, &task);
}

void RunQueue::remove(Task &task) {
  auto [begin, end] = tasks_.equal_range(task.vruntime);
  auto it = std::find_if(begin, end, [&](const auto &entry) { return entry.second == &task; });
  if (it != end) tasks_.erase(it);
}

Task *RunQueue::first_for(int cpu) const {
  for (const auto &[vruntime, task] : tasks_) {
    if (may_run_on(*task, cpu)) return task;
  }
  return nullptr;
}

void RunQueue::advance(std::uint64_t vruntime) {
  const std::uint64_t least = tasks_.empty() ? vruntime : std::min(vruntime, tasks_.begin()->first);
  floor_ = std::max(floor_, least);
}

} // namespace pagoda::kernel
