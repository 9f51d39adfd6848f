// Registers the files below /proc/PID and /proc/PID/task/TID.
#include <algorithm>
#include <charconv>

#include "guest/linux/proc/area_lines.hpp"
#include "guest/linux/proc/numa_maps.hpp"
#include "guest/linux/proc/process_memory.hpp"
#include "guest/linux/proc/process_text.hpp"
#include "guest/linux/proc/register.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"

namespace pagoda::kernel {

namespace {

// A generator from a function of figures.
template <class Text> Generate from_figures(Text text) {
  return [text](const View &view) -> Content {
    const auto figures = figures_of(view);
    if (!figures) return unexpected(figures.error());
    return text(*figures);
  };
}

// The memory of another user's process is nobody else's to read.
template <class Text> Generate from_private_figures(Text text) {
  return [text](const View &view) -> Content {
    const auto figures = figures_of(view);
    if (!figures) return unexpected(figures.error());
    if (view.viewer != nullptr && view.viewer->pid() != figures->pid) {
      const LockGuard guard(view.kernel->mutex);
      const Credentials &reader = view.viewer->credentials;
      if (reader.euid != 0 && reader.euid != figures->credentials.euid) return unexpected(EACCES);
    }
    return text(*figures);
  };
}

std::string maps(const ProcessFigures &f) { return f.space ? maps_text(f.space->areas()) : ""; }
std::string smaps(const ProcessFigures &f) { return f.space ? smaps_text(*f.space) : ""; }
std::string numa_maps(const ProcessFigures &f) { return f.space ? numa_maps_text(*f.space, f.thread.policy) : ""; }
std::string smaps_rollup(const ProcessFigures &f) { return f.space ? smaps_rollup_text(*f.space) : ""; }
std::string comm(const ProcessFigures &f) { return f.thread.name + "\n"; }

// Sets the name of a thread of the writer's own process.
int set_comm(const View &view, std::string_view text) {
  constexpr std::size_t kLongest = 15;
  text = text.substr(0, std::min(text.find_first_of(std::string_view("\n\0", 2)), kLongest));
  const LockGuard guard(view.kernel->mutex);
  if (view.viewer == nullptr || view.viewer->pid() != view.pid) return EINVAL;
  Task *task = view.kernel->find_task(view.tid != 0 ? view.tid : view.pid);
  if (task == nullptr) return ESRCH;
  task->name = text;
  return 0;
}

Content score(const View &view) {
  const auto figures = figures_of(view);
  if (!figures) return unexpected(figures.error());
  return std::to_string(oom_score(*figures, view.kernel->platform().memory.counters().managed)) + "\n";
}

std::string score_adjustment(const ProcessFigures &f) { return std::to_string(f.oom_score_adj) + "\n"; }

int set_score_adjustment(const View &view, std::string_view text) {
  int value = 0;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < -1000 || value > 1000) return EINVAL;
  const LockGuard guard(view.kernel->mutex);
  Process *process = view.kernel->find_process(view.pid);
  if (process == nullptr) return ESRCH;
  const bool privileged = view.viewer == nullptr || capable(view.viewer->credentials, Capability::SysResource);
  if (value < process->oom_score_adj && !privileged) return EACCES;
  process->oom_score_adj = value;
  return 0;
}

void add_common(SyntheticTree &proc, const std::string &base) {
  proc.file(base + "/stat", from_figures(stat_text));
  proc.file(base + "/status", from_figures(status_text));
  proc.file(base + "/statm", from_figures(statm_text));
  proc.file(base + "/maps", from_private_figures(maps));
  proc.file(base + "/smaps", from_private_figures(smaps));
  proc.file(base + "/numa_maps", from_private_figures(numa_maps));
  proc.file(base + "/smaps_rollup", from_private_figures(smaps_rollup));
  proc.file(base + "/cmdline", from_figures(command_line));
  proc.file(base + "/environ", from_private_figures(environment), 0400);
  proc.file(base + "/auxv", from_private_figures(auxiliary_vector), 0400);
  proc.file(base + "/limits", from_figures(limits_text));
  proc.knob(base + "/comm", from_figures(comm), set_comm);
  proc.file(base + "/oom_score", score);
  proc.knob(base + "/oom_score_adj", from_figures(score_adjustment), set_score_adjustment);
  // One group without controllers, a login that never happened, and no names of kernel functions.
  proc.file(base + "/cgroup", from_figures([](const ProcessFigures &) { return std::string("0::/\n"); }));
  proc.file(base + "/loginuid", from_figures([](const ProcessFigures &) { return std::to_string(~0u); }));
  proc.file(base + "/sessionid", from_figures([](const ProcessFigures &) { return std::to_string(~0u); }));
  proc.file(base + "/wchan", from_figures([](const ProcessFigures &) { return std::string("0"); }));
}

} // namespace

void add_process_files(SyntheticTree &proc) {
  add_common(proc, "{pid}");
  add_common(proc, "{pid}/task/{tid}");
}

} // namespace pagoda::kernel
