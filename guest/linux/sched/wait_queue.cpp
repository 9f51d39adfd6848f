#include "guest/linux/sched/wait_queue.hpp"

#include "guest/linux/task.hpp"

namespace pagoda::kernel {

void WaitQueue::add(Task &task, std::uint64_t key) {
  if (task.queue != nullptr) task.queue->remove(task);
  waiters_.push_back({&task, key});
  task.queue = this;
}

void WaitQueue::remove(Task &task) {
  waiters_.remove_if([&](const Waiter &waiter) { return waiter.task == &task; });
  if (task.queue == this) task.queue = nullptr;
}

} // namespace pagoda::kernel
