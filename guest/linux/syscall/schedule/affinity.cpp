#include <algorithm>
#include <cerrno>

#include "guest/linux/sched/scheduler.hpp"
#include "guest/linux/syscall/schedule/handlers.hpp"
#include "guest/linux/syscall/schedule/target.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::schedule {
namespace {

using Mask = std::uint64_t; // one word is enough: a bit per vCPU, at most 64

Mask all_cpus(Call &call) {
  const std::size_t cpus = call.kernel.platform().cpus.size();
  return cpus >= 64 ? ~Mask(0) : (Mask(1) << cpus) - 1;
}

} // namespace

SysResult do_sched_setaffinity(Call &call) {
  Mask mask = 0;
  const auto bytes = std::as_writable_bytes(std::span(&mask, 1));
  const std::size_t length = std::min<std::size_t>(call.arg_uint(1), sizeof mask);
  if (fault::copy_in(*call.process.space, call.arg_gva(2), bytes.first(length)) != length) return -EFAULT;
  LockGuard guard(call.kernel.mutex);
  Task *task = task_of(call, call.arg_int(0));
  if (task == nullptr) return -ESRCH;
  if (!may_change(call, *task)) return -EPERM;
  if ((mask & all_cpus(call)) == 0) return -EINVAL;
  task->affinity = mask;
  call.kernel.scheduler().kick(*task); // it moves at its next exit
  return 0;
}

SysResult do_sched_getaffinity(Call &call) {
  const unsigned length = call.arg_uint(1);
  if (length < sizeof(Mask) || length % sizeof(Mask) != 0) return -EINVAL;
  Mask mask = all_cpus(call);
  {
    LockGuard guard(call.kernel.mutex);
    const Task *task = task_of(call, call.arg_int(0));
    if (task == nullptr) return -ESRCH;
    mask &= task->affinity;
  }
  return put_user(call, call.arg_gva(2), mask) ? SysResult(sizeof mask) : SysResult::error(EFAULT);
}

} // namespace pagoda::kernel::schedule
