// /proc/meminfo, vmstat, buddyinfo and swaps: the figures of the memory manager itself.
//
// A line that nothing here measures (lists of active pages, dirty pages, slab) is absent, not 0.
#include <fmt/format.h>
#include <iterator>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/memory_text.hpp"
#include "guest/linux/proc/register.hpp"

namespace pagoda::kernel {

std::string meminfo_text(const MemoryFigures &m) {
  std::string text;
  const auto row = [&](std::string_view label, std::uint64_t bytes) {
    fmt::format_to(std::back_inserter(text), "{:<15} {:8} kB\n", label, bytes >> 10);
  };
  row("MemTotal:", m.total);
  row("MemFree:", m.free);
  row("MemAvailable:", m.free); // nothing can be reclaimed yet
  row("Buffers:", 0);
  row("Cached:", m.file + m.shared);
  row("SwapCached:", 0);
  row("SwapTotal:", 0);
  row("SwapFree:", 0);
  row("AnonPages:", m.anonymous >= m.shared ? m.anonymous - m.shared : 0);
  row("Mapped:", m.file + m.shared);
  row("Shmem:", m.shared);
  row("PageTables:", m.page_tables);
  row("CommitLimit:", m.mapped_limit);
  row("Committed_AS:", m.committed);
  text += fmt::format("HugePages_Total: {:7}\nHugePages_Free:  {:7}\n", 0, 0);
  row("Hugepagesize:", 2ull << 20);
  return text;
}

std::string buddyinfo_text(const phys::Counters &counters) {
  std::string text = "Node 0, zone   Normal ";
  for (const std::uint64_t blocks : counters.free_blocks) text += fmt::format("{:6} ", blocks);
  text += '\n';
  return text;
}

std::string vmstat_text(const phys::Counters &c, const Statistics &s, const tlb::FlushCounters &f) {
  std::string text;
  const auto row = [&](std::string_view name, std::uint64_t value) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
  };
  std::uint64_t faults = s.host_faults;
  for (const Counter &of_case : s.faults) faults += of_case;
  row("nr_free_pages", c.free);
  row("nr_anon_pages", c.by_kind[std::size_t(phys::FrameKind::Anonymous)]);
  row("nr_file_pages", c.by_kind[std::size_t(phys::FrameKind::File)]);
  row("nr_page_table_pages", c.by_kind[std::size_t(phys::FrameKind::Table)]);
  row("pswpin", 0);
  row("pswpout", 0);
  row("pgalloc_normal", c.allocations);
  row("pgfree", c.frees);
  row("pgfault", faults);
  row("pgmajfault", 0); // reading a page from the host's cache is a minor fault
  row("allocstall_normal", c.failures);
  row("nr_tlb_remote_flush", f.batches);
  row("nr_tlb_local_flush_all", f.full);
  row("nr_tlb_local_flush_one", f.leaves);
  return text;
}

void add_memory_files(SyntheticTree &proc) {
  proc.file("meminfo", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return meminfo_text(memory_figures(*view.kernel));
  });
  proc.file("vmstat", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    const Platform &platform = view.kernel->platform();
    return vmstat_text(platform.memory.counters(), view.kernel->statistics(), platform.invalidator.counters());
  });
  proc.file("buddyinfo", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return buddyinfo_text(view.kernel->platform().memory.counters());
  });
  proc.file("swaps", [](const View &) -> Content { return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"; });
}

} // namespace pagoda::kernel
