// /sys: processors and huge pages; the memory nodes are in node_files.cpp. No cgroup tree: there is none to show.
#include <algorithm>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/bitmap_text.hpp"
#include "guest/linux/proc/register.hpp"

namespace pagoda::kernel {

namespace {

unsigned cpu_count(const View &view) {
  return view.kernel == nullptr ? 1u : unsigned(std::max<std::size_t>(1, view.kernel->platform().cpus.size()));
}

std::uint64_t set_of(unsigned cpus) { return cpus >= 64 ? ~0ull : (1ull << cpus) - 1; }

Content all_cpus_mask(const View &view) { return bitmap_text(set_of(cpu_count(view)), cpu_count(view)) + "\n"; }
Content this_cpu_mask(const View &view) { return bitmap_text(1ull << (view.cpu % 64), cpu_count(view)) + "\n"; }

Content all_cpus(const View &view) { return list_text(set_of(cpu_count(view))) + "\n"; }

void add_constant(SyntheticTree &sys, std::string_view path, std::string text) {
  sys.file(path, [text = text + "\n"](const View &) -> Content { return text; });
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
  add_nodes(sys);
  // Every mapping is of 4K pages so far.
  add_constant(sys, "kernel/mm/transparent_hugepage/enabled", "always madvise [never]");
  add_constant(sys, "kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152");
}

} // namespace pagoda::kernel
