// /sys: processors, the one memory node, and huge pages. No cgroup tree: there is none to show.
#include <algorithm>
#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/process_text.hpp"
#include "guest/linux/proc/register.hpp"
#include "guest/linux/syscall/system/usage.hpp"

namespace pagoda::kernel {

namespace {

unsigned cpu_count(const View &view) {
  return view.kernel == nullptr ? 1u : unsigned(std::max<std::size_t>(1, view.kernel->platform().cpus.size()));
}

std::string list_of(unsigned cpus) { return cpus == 1 ? "0" : fmt::format("0-{}", cpus - 1); }

// A mask as Linux prints bitmaps: groups of 32 bits in hexadecimal, the highest first, as wide as
// there are CPUs.
std::string mask_of(unsigned first, unsigned last, unsigned cpus) {
  std::string text;
  for (unsigned group = (cpus + 31) / 32; group-- > 0;) {
    std::uint32_t bits = 0;
    for (unsigned cpu = group * 32; cpu < group * 32 + 32; ++cpu)
      if (first <= cpu && cpu <= last) bits |= 1u << (cpu % 32);
    const unsigned width = (std::min(32u, cpus - group * 32) + 3) / 4;
    text += fmt::format("{}{:0{}x}", text.empty() ? "" : ",", bits, width);
  }
  return text + "\n";
}

Content all_cpus_mask(const View &view) { return mask_of(0, cpu_count(view) - 1, cpu_count(view)); }
Content this_cpu_mask(const View &view) { return mask_of(view.cpu, view.cpu, cpu_count(view)); }

Content all_cpus(const View &view) { return list_of(cpu_count(view)) + "\n"; }

void add_constant(SyntheticTree &sys, std::string_view path, std::string text) {
  sys.file(path, [text = text + "\n"](const View &) -> Content { return text; });
}

Content node_meminfo(const View &view) {
  if (view.kernel == nullptr) return unexpected(ENOENT);
  const MemoryFigures m = memory_figures(*view.kernel);
  const auto row = [](std::string_view label, std::uint64_t bytes) {
    return fmt::format("Node 0 {:<15} {:8} kB\n", label, bytes >> 10);
  };
  return row("MemTotal:", m.total) + row("MemFree:", m.free) + row("MemUsed:", m.total - m.free) +
         row("FilePages:", m.file + m.shared) + row("AnonPages:", m.anonymous) + row("Shmem:", m.shared) +
         row("PageTables:", m.page_tables);
}

void add_node(SyntheticTree &sys) {
  const std::string base = "devices/system/node/";
  for (const char *set : {"online", "possible", "has_cpu", "has_memory", "has_normal_memory"})
    add_constant(sys, base + set, "0");
  sys.file(base + "node0/cpulist", all_cpus);
  sys.file(base + "node0/cpumap", all_cpus_mask);
  sys.file(base + "node0/meminfo", node_meminfo);
  add_constant(sys, base + "node0/distance", "10");
}

Content this_cpu(const View &view) { return std::to_string(view.cpu) + "\n"; }

// Every vCPU is a core of its own.
void add_cpus(SyntheticTree &sys) {
  const std::string base = "devices/system/cpu/{cpu}/topology/";
  add_constant(sys, base + "physical_package_id", "0");
  for (const char *own : {"core_id", "thread_siblings_list", "core_cpus_list"}) sys.file(base + own, this_cpu);
  for (const char *own : {"thread_siblings", "core_cpus"}) sys.file(base + own, this_cpu_mask);
  for (const char *all : {"core_siblings", "package_cpus"}) sys.file(base + all, all_cpus_mask);
  for (const char *all : {"core_siblings_list", "package_cpus_list"}) sys.file(base + all, all_cpus);
}

} // namespace

void add_sys_content(SyntheticTree &sys) {
  for (const char *set : {"online", "possible", "present"})
    sys.file(std::string("devices/system/cpu/") + set, all_cpus);
  add_cpus(sys);
  add_node(sys);
  // Every mapping is of 4K pages so far.
  add_constant(sys, "kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
  add_constant(sys, "kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152");
}

} // namespace pagoda::kernel
