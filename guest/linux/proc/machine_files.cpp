// /proc/stat, uptime, loadavg, version, filesystems and cmdline.
#include <algorithm>
#include <ctime>
#include <fmt/format.h>
#include <iterator>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/machine_text.hpp"
#include "guest/linux/proc/register.hpp"
#include "guest/linux/syscall/identity/uts.hpp"
#include "guest/linux/syscall/system/load_average.hpp"
#include "guest/linux/syscall/time/timespec.hpp"

namespace pagoda::kernel {

MachineFigures machine_figures(Kernel &kernel) {
  MachineFigures figures;
  const Statistics &statistics = kernel.statistics();
  figures.cpus.resize(std::max<std::size_t>(1, kernel.platform().cpus.size()));
  figures.uptime_ns = kernel.now_ns();
  for (std::size_t i = 0; i < figures.cpus.size() && i < statistics.cpu_guest_ns.size(); ++i)
    figures.cpus[i] = {statistics.cpu_guest_ns[i], statistics.cpu_host_ns[i]};
  figures.boot_time = std::time(nullptr) - std::time_t(figures.uptime_ns / std::uint64_t(kSecond));
  figures.switches = statistics.context_switches;
  figures.created = statistics.threads; // a process counts as its first thread
  const LockGuard guard(kernel.mutex);
  figures.tasks = count_tasks(kernel);
  figures.load = LoadAverage::read(kernel);
  for (const auto &[pid, process] : kernel.processes)
    for (const auto &task : process->tasks) figures.last_tid = std::max(figures.last_tid, task->tid());
  return figures;
}

namespace {

std::uint64_t idle_ticks(const MachineFigures &f, const CpuBusy &busy) {
  const std::uint64_t up = to_ticks(f.uptime_ns);
  const std::uint64_t used = to_ticks(busy.guest_ns) + to_ticks(busy.host_ns);
  return up > used ? up - used : 0;
}

} // namespace

std::string stat_text(const MachineFigures &f) {
  std::string lines;
  std::uint64_t user = 0, system = 0, idle = 0;
  for (std::size_t i = 0; i < f.cpus.size(); ++i) {
    const std::uint64_t u = to_ticks(f.cpus[i].guest_ns), s = to_ticks(f.cpus[i].host_ns);
    const std::uint64_t rest = idle_ticks(f, f.cpus[i]);
    user += u;
    system += s;
    idle += rest;
    lines += fmt::format("cpu{} {} 0 {} {} 0 0 0 0 0 0\n", i, u, s, rest);
  }
  std::string text = fmt::format("cpu  {} 0 {} {} 0 0 0 0 0 0\n", user, system, idle) + lines;
  text += fmt::format("intr 0\nctxt {}\nbtime {}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\n", f.switches,
                      f.boot_time, f.created, f.tasks.runnable);
  return text;
}

std::string uptime_text(const MachineFigures &f) {
  std::uint64_t idle = 0;
  for (const CpuBusy &busy : f.cpus) idle += idle_ticks(f, busy);
  const std::uint64_t up = to_ticks(f.uptime_ns);
  return fmt::format("{}.{:02} {}.{:02}\n", up / kTicksPerSecond, up % kTicksPerSecond, idle / kTicksPerSecond,
                     idle % kTicksPerSecond);
}

std::string loadavg_text(const MachineFigures &f) {
  return fmt::format("{:.2f} {:.2f} {:.2f} {}/{} {}\n", f.load[0], f.load[1], f.load[2], f.tasks.runnable,
                     f.tasks.total, f.last_tid);
}

namespace {

template <class Text> Generate from_machine(Text text) {
  return [text](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return text(machine_figures(*view.kernel));
  };
}

Content version(const View &view) {
  if (view.kernel == nullptr) return unexpected(ENOENT);
  const UtsNames names = uts_names(*view.kernel);
  return fmt::format("{} version {} (pagoda@localhost) (gcc {}) {}\n", names.system, names.release, __VERSION__,
                     names.version);
}

} // namespace

void add_machine_files(SyntheticTree &proc) {
  proc.file("stat", from_machine([](const MachineFigures &f) { return stat_text(f); }));
  proc.file("uptime", from_machine(uptime_text));
  proc.file("loadavg", from_machine(loadavg_text));
  proc.file("version", version);
  proc.file("cmdline", [](const View &) -> Content { return "\n"; }); // there is no boot loader to pass one
  proc.file("filesystems",
            [](const View &) -> Content { return "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n"; });
}

} // namespace pagoda::kernel
