#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/futex/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::futexes {
namespace {

constexpr std::uint64_t kHeadBytes = 24; // struct robust_list_head

} // namespace

SysResult do_set_robust_list(Call &call) {
  if (call.arg(1) != kHeadBytes) return -EINVAL;
  LockGuard guard(call.kernel.mutex);
  call.task.robust_list = call.arg_gva(0);
  call.task.robust_list_length = kHeadBytes;
  return 0;
}

SysResult do_get_robust_list(Call &call) {
  const int tid = call.arg_int(0);
  std::uint64_t head = 0;
  {
    LockGuard guard(call.kernel.mutex);
    const Task *task = tid == 0 ? &call.task : call.kernel.find_task(std::uint32_t(tid));
    if (task == nullptr) return -ESRCH;
    if (&task->process() != &call.process && call.process.credentials.euid != 0) return -EPERM;
    head = task->robust_list.value();
  }
  const bool stored = put_user(call, call.arg_gva(2), kHeadBytes) && put_user(call, call.arg_gva(1), head);
  return stored ? 0 : -EFAULT;
}

} // namespace pagoda::kernel::futexes
