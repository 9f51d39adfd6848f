#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "guest/linux/syscall/table.hpp"
#include "tools/pagoda/report/report.hpp"

namespace pagoda::tools {
namespace {

constexpr std::array<const char *, 5> kExitNames{"system call", "page fault", "exception", "kick", "failure"};

// Intel SDM vol. 3, table 6-1.
constexpr std::array<const char *, 32> kVectorNames{"#DE divide error",
                                                    "#DB debug",
                                                    "NMI",
                                                    "#BP breakpoint",
                                                    "#OF overflow",
                                                    "#BR bound range",
                                                    "#UD undefined opcode",
                                                    "#NM no FPU",
                                                    "#DF double fault",
                                                    "coprocessor overrun",
                                                    "#TS bad TSS",
                                                    "#NP no segment",
                                                    "#SS stack segment",
                                                    "#GP general protection",
                                                    "#PF page fault",
                                                    "vector 15",
                                                    "#MF x87 error",
                                                    "#AC alignment",
                                                    "#MC machine check",
                                                    "#XM SIMD error",
                                                    "#VE virtualisation",
                                                    "#CP control protection",
                                                    "vector 22",
                                                    "vector 23",
                                                    "vector 24",
                                                    "vector 25",
                                                    "vector 26",
                                                    "vector 27",
                                                    "#HV hypervisor",
                                                    "#VC VMM communication",
                                                    "#SX security",
                                                    "vector 31"};

std::uint64_t value(const kernel::Counter &counter) { return counter.load(std::memory_order_relaxed); }

void add(std::vector<NamedCount> &list, std::string name, std::uint64_t count) {
  if (count != 0) list.push_back({std::move(name), count});
}

std::string call_name(unsigned number) {
  const auto name = kernel::syscall_name(number);
  return name.empty() || name == "?" ? fmt::format("number {}", number) : std::string(name);
}

// The greatest first, equal ones by name.
void sort_by_count(std::vector<NamedCount> &list) {
  std::ranges::sort(list, [](const NamedCount &a, const NamedCount &b) {
    return std::tie(b.count, a.name) < std::tie(a.count, b.name);
  });
}

} // namespace

void collect_statistics(const kernel::Statistics &statistics, RunReport &report) {
  for (std::size_t i = 0; i < kExitNames.size(); ++i) add(report.exits, kExitNames[i], value(statistics.exits[i]));
  for (std::size_t i = 0; i < kVectorNames.size(); ++i)
    if (i != 14) add(report.exceptions, kVectorNames[i], value(statistics.exceptions[i]));
  for (std::size_t i = 0; i < fault::kCases; ++i)
    add(report.faults, std::string(fault::name(fault::Case(i))), value(statistics.faults[i]));
  for (unsigned i = 0; i < kernel::kSyscallNumbers; ++i) {
    add(report.syscalls, call_name(i), value(statistics.syscalls[i]));
    add(report.unknown, call_name(i), value(statistics.unknown[i]));
    report.syscall_total += value(statistics.syscalls[i]);
  }
  add(report.unknown, fmt::format("numbers of {} and more", kernel::kSyscallNumbers), value(statistics.unknown_beyond));
  sort_by_count(report.exits);
  sort_by_count(report.faults);
  sort_by_count(report.syscalls);
  sort_by_count(report.unknown);

  report.fault_pages = value(statistics.fault_pages);
  report.host_faults = value(statistics.host_faults);
  report.guest_ns = value(statistics.guest_ns);
  report.host_ns = value(statistics.host_ns);
  report.context_switches = value(statistics.context_switches);
  report.preemptions = value(statistics.preemptions);
  report.signals = value(statistics.signals);
  report.processes = value(statistics.processes);
  report.threads = value(statistics.threads);
  report.peak_virtual_pages = value(statistics.peak_virtual_pages);
  report.peak_resident_pages = value(statistics.peak_resident_pages);
  report.peak_table_pages = value(statistics.peak_table_pages);
  report.peak_file_pages = value(statistics.peak_file_pages);
}

void collect_memory(const phys::Counters &frames, const tlb::FlushCounters &flushes, RunReport &report) {
  report.frames_managed = frames.managed;
  report.frames_free = frames.free;
  report.frame_allocations = frames.allocations;
  report.frame_frees = frames.frees;
  report.frame_failures = frames.failures;
  report.free_blocks.assign(frames.free_blocks.begin(), frames.free_blocks.end());
  report.flush_batches = flushes.batches;
  report.flush_leaves = flushes.leaves;
  report.flush_full = flushes.full;
  report.quarantined_tables = flushes.quarantined;
}

void collect_spaces(kernel::Kernel &kernel, RunReport &report) {
  std::vector<std::shared_ptr<space::Space>> spaces;
  {
    const LockGuard guard(kernel.mutex);
    for (const auto &[pid, process] : kernel.processes)
      if (process->space) spaces.push_back(process->space);
  }
  for (const auto &space : spaces) {
    const space::Usage usage = space->usage();
    report.peak_virtual_pages = std::max({report.peak_virtual_pages, usage.peak_virtual, usage.virtual_pages});
    report.peak_resident_pages = std::max({report.peak_resident_pages, usage.peak_resident, usage.resident_pages});
    report.peak_table_pages = std::max(report.peak_table_pages, usage.table_pages);
    report.peak_file_pages = std::max(report.peak_file_pages, usage.resident_file);
  }
}

RunReport collect(kernel::Kernel &kernel) {
  RunReport report;
  collect_statistics(kernel.statistics(), report);
  collect_memory(kernel.platform().memory.counters(), kernel.platform().invalidator.counters(), report);
  report.cpus = unsigned(kernel.platform().cpus.size());
  report.nodes = unsigned(kernel.platform().memory.topology().nodes.size());
  return report;
}

} // namespace pagoda::tools
