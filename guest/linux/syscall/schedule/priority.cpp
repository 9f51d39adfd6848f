#include <algorithm>
#include <cerrno>
#include <optional>
#include <sys/resource.h>

#include "guest/linux/sched/weights.hpp"
#include "guest/linux/syscall/schedule/handlers.hpp"
#include "guest/linux/syscall/schedule/target.hpp"

namespace pagoda::kernel::schedule {
namespace {

constexpr int kKernelBias = 20; // the system call returns 20 - nice, so that it is never negative
constexpr int kIoClassShift = 13;
constexpr int kIoLevels = 8;
constexpr int kIoClassBestEffort = 2;
constexpr int kIoClassIdle = 3;
constexpr int kIoDefaultLevel = 4;

// Calls visit(task) for every task that (which, who) means; false when `which` is unknown.
bool for_each_target(Call &call, int which, std::uint32_t who, auto &&visit) PAGODA_REQUIRES(call.kernel.mutex) {
  if (which == PRIO_PROCESS) {
    if (Task *task = task_of(call, int(who))) visit(*task);
    return true;
  }
  if (which != PRIO_PGRP && which != PRIO_USER) return false;
  if (who == 0) who = which == PRIO_PGRP ? call.process.group : call.process.credentials.uid;
  for (auto &[pid, process] : call.kernel.processes) {
    const bool meant = which == PRIO_PGRP ? process->group == who : process->credentials.uid == who;
    if (!meant || process->zombie) continue;
    for (auto &task : process->tasks) {
      if (task->state != TaskState::Dead) visit(*task);
    }
  }
  return true;
}

// Raising a priority takes root or RLIMIT_NICE.
bool may_set(const Call &call, const Task &target, int nice) {
  if (nice >= target.nice || call.process.credentials.euid == 0) return true;
  return rlim_t(kKernelBias - nice) <= call.process.limits[RLIMIT_NICE].rlim_cur;
}

} // namespace

SysResult do_getpriority(Call &call) {
  std::optional<int> best;
  LockGuard guard(call.kernel.mutex);
  const bool known = for_each_target(call, call.arg_int(0), call.arg_uint(1), [&](const Task &task) {
    best = std::max(best.value_or(0), kKernelBias - task.nice);
  });
  if (!known) return -EINVAL;
  return best ? *best : -ESRCH;
}

SysResult do_setpriority(Call &call) {
  const int nice = std::clamp(call.arg_int(2), kNiceHighest, kNiceLowest);
  int result = ESRCH;
  LockGuard guard(call.kernel.mutex);
  const bool known = for_each_target(call, call.arg_int(0), call.arg_uint(1), [&](Task &task) {
    if (!may_change(call, task)) {
      result = EPERM;
    } else if (!may_set(call, task, nice)) {
      result = EACCES;
    } else {
      task.nice = nice; // counts from its next stretch of time on
      if (result == ESRCH) result = 0;
    }
  });
  return SysResult::error(known ? result : EINVAL);
}

// The host's disks are not ours to schedule: any valid class is accepted and none is kept.
SysResult do_ioprio_set(Call &call) {
  const int priority = call.arg_int(2);
  if (priority >> kIoClassShift > kIoClassIdle || (priority & (kIoLevels - 1)) != (priority & 0xff)) return -EINVAL;
  return call.arg_int(0) >= 1 && call.arg_int(0) <= 3 ? 0 : -EINVAL;
}

SysResult do_ioprio_get(Call &call) {
  if (call.arg_int(0) < 1 || call.arg_int(0) > 3) return -EINVAL;
  return kIoClassBestEffort << kIoClassShift | kIoDefaultLevel;
}

} // namespace pagoda::kernel::schedule
