// The runnable tasks, in the order in which they deserve a vCPU: least virtual time first.
//
// Source: weighted fair queueing as in Linux's CFS ("vruntime"). A task that slept is placed not far
// behind the others, so that it neither starves them with saved-up time nor waits for a full round.
// Guarded by Kernel::mutex.
#pragma once

#include <cstdint>
#include <map>

namespace pagoda::kernel {

class Task;

class RunQueue {
public:
  // How far behind the least virtual time a task that wakes up may start.
  static constexpr std::uint64_t kSleeperCredit = 2'000'000; // ns

  void add(Task &task);
  void remove(Task &task);
  // The first task that this vCPU may run, or null. A task whose vector state is still on a vCPU
  // may run only there; affinity holds for all others.
  [[nodiscard]] Task *first_for(int cpu) const;
  [[nodiscard]] bool empty() const { return tasks_.empty(); }
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }
  // The virtual time of the last in line; 0 when nobody waits.
  [[nodiscard]] std::uint64_t greatest() const { return tasks_.empty() ? 0 : tasks_.rbegin()->first; }
  // Called when a task has run: the floor for those that wake up later.
  void advance(std::uint64_t vruntime);

private:
  std::multimap<std::uint64_t, Task *> tasks_; // by Task::vruntime, constant while queued
  std::uint64_t floor_ = 0;
};

[[nodiscard]] bool may_run_on(const Task &task, int cpu);

} // namespace pagoda::kernel
