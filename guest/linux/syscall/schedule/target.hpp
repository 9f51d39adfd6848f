// The task that a pid argument of the schedule family means; 0 is the caller. With Kernel::mutex held.
#pragma once

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::schedule {

inline Task *task_of(Call &call, int tid) PAGODA_REQUIRES(call.kernel.mutex) {
  if (tid == 0) return &call.task;
  Task *task = tid > 0 ? call.kernel.find_task(std::uint32_t(tid)) : nullptr;
  return task != nullptr && task->state != TaskState::Dead ? task : nullptr;
}

// Root, or the owner.
inline bool may_change(const Call &call, const Task &target) {
  const Credentials &own = call.process.credentials;
  const Credentials &other = target.process().credentials;
  return own.euid == 0 || own.euid == other.uid || own.euid == other.euid;
}

} // namespace pagoda::kernel::schedule
