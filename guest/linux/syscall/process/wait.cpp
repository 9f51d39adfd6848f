#include <cerrno>
#include <sys/wait.h>

#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/process/child_wait.hpp"
#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::process {
namespace {

constexpr int kThreadOptions = int(__WNOTHREAD | __WALL | __WCLONE);

// A report, nothing yet (WNOHANG), an errno, or the need to wait.
struct Waited {
  std::optional<ChildReport> report;
  int error = 0;
  bool must_park = false;
};

Waited wait_for_child(Call &call, const ChildFilter &filter) {
  LockGuard guard(call.kernel.mutex);
  const ChildSearch search = find_report(call.kernel, call.process, filter);
  if (search.report) return {search.report, 0, false};
  if (!search.any) return {std::nullopt, ECHILD, false};
  if ((filter.options & WNOHANG) != 0) return {};
  call.process.child_events.add(call.task);
  return {std::nullopt, 0, true};
}

ChildFilter filter_of_pid(Call &call, int pid) {
  ChildFilter filter;
  if (pid == -1) return filter;
  filter.by = pid > 0 ? ChildFilter::By::Pid : ChildFilter::By::Group;
  if (pid > 0)
    filter.id = std::uint32_t(pid);
  else if (pid < 0)
    filter.id = 0u - std::uint32_t(pid);
  else {
    LockGuard guard(call.kernel.mutex);
    filter.id = call.process.group;
  }
  return filter;
}

SysResult put_report(Call &call, const ChildReport &report) {
  const Gva status = call.arg_gva(1);
  const Gva usage = call.arg_gva(3);
  if (status.value() != 0 && !put_user(call, status, report.wait_status)) return -EFAULT;
  if (usage.value() != 0 && !put_user(call, usage, report.usage)) return -EFAULT;
  return report.pid;
}

std::optional<ChildFilter> filter_of_id(Call &call, int type, std::uint32_t id) {
  ChildFilter filter;
  filter.id = id;
  switch (type) {
  case P_ALL: return filter;
  case P_PID: filter.by = ChildFilter::By::Pid; return int(id) > 0 ? std::optional(filter) : std::nullopt;
  case P_PGID:
    if (int(id) < 0) return std::nullopt;
    if (id == 0) return filter_of_pid(call, 0);
    filter.by = ChildFilter::By::Group;
    return filter;
  default: return std::nullopt; // there are no pidfds
  }
}

SysResult put_info(Call &call, const ChildReport *report) {
  const Gva usage = call.arg_gva(4);
  if (report != nullptr && usage.value() != 0 && !put_user(call, usage, report->usage)) return -EFAULT;
  const Gva info_at = call.arg_gva(2);
  if (info_at.value() == 0) return 0;
  SignalInfo info{};
  if (report != nullptr) {
    info = signal_info(SIGCHLD, report->code, report->pid, report->uid);
    info.si_status = report->status;
  }
  return put_user(call, info_at, info) ? 0 : -EFAULT;
}

} // namespace

SysResult do_wait4(Call &call) {
  const int options = call.arg_int(2);
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | kThreadOptions)) != 0) return -EINVAL;
  if (call.arg_int(0) == INT32_MIN) return -ESRCH;
  ChildFilter filter = filter_of_pid(call, call.arg_int(0));
  filter.options = options | WEXITED;
  const Waited waited = wait_for_child(call, filter);
  if (waited.must_park) return SysResult::park({});
  if (waited.error != 0) return SysResult::error(waited.error);
  return waited.report ? put_report(call, *waited.report) : SysResult(0);
}

SysResult do_waitid(Call &call) {
  const int options = call.arg_int(3);
  constexpr int kWhat = WEXITED | WSTOPPED | WCONTINUED;
  if ((options & ~(WNOHANG | WNOWAIT | kWhat | kThreadOptions)) != 0 || (options & kWhat) == 0) return -EINVAL;
  auto filter = filter_of_id(call, call.arg_int(0), call.arg_uint(1));
  if (!filter) return -EINVAL;
  filter->options = options;
  const Waited waited = wait_for_child(call, *filter);
  if (waited.must_park) return SysResult::park({});
  if (waited.error != 0) return SysResult::error(waited.error);
  return put_info(call, waited.report ? &*waited.report : nullptr);
}

} // namespace pagoda::kernel::process
