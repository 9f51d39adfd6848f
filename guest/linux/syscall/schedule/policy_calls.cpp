// Scheduling policies: every task is SCHED_OTHER; batch and idle are accepted as that, real-time
// policies are refused as to any program without privileges (sched(7)).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sched.h>

#include "guest/linux/sched/scheduler_state.hpp"
#include "guest/linux/sched/weights.hpp"
#include "guest/linux/syscall/schedule/handlers.hpp"
#include "guest/linux/syscall/schedule/target.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::schedule {
namespace {

constexpr int kResetOnFork = 0x40000000; // SCHED_RESET_ON_FORK
constexpr int kDeadlinePolicy = 6;       // SCHED_DEADLINE
constexpr int kMostRealTime = 99;

// struct sched_attr, version 1.
struct Attributes {
  std::uint32_t size = 0, policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};
constexpr unsigned kAttributesSize = 48;
static_assert(sizeof(Attributes) == kAttributesSize);

bool is_normal(int policy) { return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE; }
bool is_real_time(int policy) { return policy == SCHED_FIFO || policy == SCHED_RR; }

// 0, or an errno, for a change to that policy.
int check_policy(Call &call, int tid, int policy, int priority) {
  policy &= ~kResetOnFork;
  LockGuard guard(call.kernel.mutex);
  const Task *task = task_of(call, tid);
  if (task == nullptr) return ESRCH;
  if (!may_change(call, *task)) return EPERM;
  if (is_real_time(policy)) return priority >= 1 && priority <= kMostRealTime ? EPERM : EINVAL;
  if (policy == kDeadlinePolicy) return EPERM;
  return is_normal(policy) && priority == 0 ? 0 : EINVAL;
}

int check_exists(Call &call, int tid) {
  if (tid < 0) return EINVAL;
  LockGuard guard(call.kernel.mutex);
  return task_of(call, tid) != nullptr ? 0 : ESRCH;
}

} // namespace

SysResult do_sched_setparam(Call &call) {
  int priority = 0;
  if (call.arg_int(0) < 0 || call.arg(1) == 0) return -EINVAL;
  if (!get_user(call, call.arg_gva(1), priority)) return -EFAULT;
  return SysResult::error(check_policy(call, call.arg_int(0), SCHED_OTHER, priority));
}

SysResult do_sched_getparam(Call &call) {
  if (call.arg(1) == 0) return -EINVAL;
  if (const int error = check_exists(call, call.arg_int(0))) return SysResult::error(error);
  return put_user(call, call.arg_gva(1), int{0}) ? 0 : -EFAULT;
}

SysResult do_sched_setscheduler(Call &call) {
  int priority = 0;
  if (call.arg_int(0) < 0 || call.arg_int(1) < 0 || call.arg(2) == 0) return -EINVAL;
  if (!get_user(call, call.arg_gva(2), priority)) return -EFAULT;
  return SysResult::error(check_policy(call, call.arg_int(0), call.arg_int(1), priority));
}

SysResult do_sched_getscheduler(Call &call) {
  if (const int error = check_exists(call, call.arg_int(0))) return SysResult::error(error);
  return SCHED_OTHER;
}

SysResult do_sched_get_priority_max(Call &call) {
  const int policy = call.arg_int(0);
  if (is_real_time(policy)) return kMostRealTime;
  return is_normal(policy) || policy == kDeadlinePolicy ? 0 : -EINVAL;
}

SysResult do_sched_get_priority_min(Call &call) {
  const int policy = call.arg_int(0);
  if (is_real_time(policy)) return 1;
  return is_normal(policy) || policy == kDeadlinePolicy ? 0 : -EINVAL;
}

SysResult do_sched_rr_get_interval(Call &call) {
  if (const int error = check_exists(call, call.arg_int(0))) return SysResult::error(error);
  const timespec slice{0, std::chrono::nanoseconds(kSlice).count()};
  return put_user(call, call.arg_gva(1), slice) ? 0 : -EFAULT;
}

SysResult do_sched_setattr(Call &call) {
  if (call.arg_int(0) < 0 || call.arg(1) == 0 || call.arg_uint(2) != 0) return -EINVAL;
  Attributes attributes;
  if (!get_user(call, call.arg_gva(1), attributes)) return -EFAULT;
  const int error = check_policy(call, call.arg_int(0), int(attributes.policy), int(attributes.priority));
  if (error != 0) return SysResult::error(error);
  const int nice = std::clamp(attributes.nice, kNiceHighest, kNiceLowest);
  LockGuard guard(call.kernel.mutex);
  Task *task = task_of(call, call.arg_int(0));
  if (task == nullptr) return -ESRCH;
  if (nice < task->nice && call.process.credentials.euid != 0) return -EPERM;
  task->nice = nice;
  return 0;
}

SysResult do_sched_getattr(Call &call) {
  const unsigned size = call.arg_uint(2);
  if (call.arg_int(0) < 0 || call.arg(1) == 0 || size < kAttributesSize || call.arg_uint(3) != 0) return -EINVAL;
  Attributes attributes;
  attributes.size = kAttributesSize;
  {
    LockGuard guard(call.kernel.mutex);
    const Task *task = task_of(call, call.arg_int(0));
    if (task == nullptr) return -ESRCH;
    attributes.nice = task->nice;
  }
  return put_user(call, call.arg_gva(1), attributes) ? 0 : -EFAULT;
}

} // namespace pagoda::kernel::schedule
