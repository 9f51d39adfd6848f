#include "guest/linux/syscall/process/child_wait.hpp"

#include <sys/wait.h>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/syscall/system/usage.hpp"

namespace pagoda::kernel::process {
namespace {

constexpr int kStoppedMark = 0x7f;       // low byte of a stop in a wait status
constexpr int kContinuedStatus = 0xffff; // of a child that goes on
constexpr int kAllChildren = __WALL;
constexpr int kCloneChildren = int(__WCLONE);

bool matches(const Process &parent, const Process &child, const ChildFilter &filter) {
  if (child.parent != parent.pid()) return false;
  if (filter.by == ChildFilter::By::Pid && child.pid() != filter.id) return false;
  if (filter.by == ChildFilter::By::Group && child.group != filter.id) return false;
  if ((filter.options & kAllChildren) != 0) return true;
  const bool is_clone = child.exit_signal != SIGCHLD;
  return is_clone == ((filter.options & kCloneChildren) != 0);
}

ChildReport base_report(const Process &child) {
  ChildReport report;
  report.pid = child.pid();
  report.uid = child.credentials.uid;
  report.usage = usage_of(child);
  add_usage(report.usage, child.children_usage);
  return report;
}

ChildReport end_report(const Process &child) {
  ChildReport report = base_report(child);
  const int signal = child.wait_status & 0x7f;
  report.wait_status = child.wait_status;
  report.code = signal != 0 ? CLD_KILLED : CLD_EXITED;
  report.status = signal != 0 ? signal : child.wait_status >> 8 & 0xff;
  return report;
}

ChildReport stop_report(const Process &child) {
  ChildReport report = base_report(child);
  report.wait_status = child.stop_signal << 8 | kStoppedMark;
  report.code = CLD_STOPPED;
  report.status = child.stop_signal;
  return report;
}

ChildReport continue_report(const Process &child) {
  ChildReport report = base_report(child);
  report.wait_status = kContinuedStatus;
  report.code = CLD_CONTINUED;
  report.status = SIGCONT;
  return report;
}

std::optional<ChildReport> report_of(Process &child, const ChildFilter &filter) {
  const bool keep = (filter.options & WNOWAIT) != 0;
  if (child.zombie) {
    if ((filter.options & WEXITED) == 0) return std::nullopt;
    return end_report(child);
  }
  if ((filter.options & WSTOPPED) != 0 && child.stop_announced && !child.stop_reported) {
    if (!keep) child.stop_reported = true;
    return stop_report(child);
  }
  if ((filter.options & WCONTINUED) != 0 && !child.continued_reported) {
    if (!keep) child.continued_reported = true;
    return continue_report(child);
  }
  return std::nullopt;
}

} // namespace

ChildSearch find_report(Kernel &kernel, Process &parent, const ChildFilter &filter) {
  ChildSearch search;
  for (auto &[pid, child] : kernel.processes) {
    if (!matches(parent, *child, filter)) continue;
    search.any = true;
    search.report = report_of(*child, filter);
    if (!search.report) continue;
    if (child->zombie && (filter.options & WNOWAIT) == 0) reap(kernel, *child);
    return search;
  }
  return search;
}

} // namespace pagoda::kernel::process
