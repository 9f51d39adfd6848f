// /proc/meminfo, vmstat, zoneinfo, buddyinfo, pagetypeinfo, slabinfo and swaps: the figures of the
// memory manager itself.
//
// A line that nothing here measures (lists of active pages, dirty pages) is absent, not 0.
#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/memory_text.hpp"
#include "guest/linux/proc/register.hpp"
#include "guest/linux/proc/slab_text.hpp"
#include "guest/linux/proc/vmalloc_text.hpp"
#include "guest/linux/proc/zone_text.hpp"

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
  if (m.has_high) {
    row("HighTotal:", m.high_total);
    row("HighFree:", m.high_free);
    row("LowTotal:", m.total - m.high_total);
    row("LowFree:", m.free - m.high_free);
  }
  row("SwapTotal:", 0);
  row("SwapFree:", 0);
  row("AnonPages:", m.anonymous >= m.shared ? m.anonymous - m.shared : 0);
  row("Mapped:", m.file + m.shared);
  row("Shmem:", m.shared);
  row("KReclaimable:", m.slab_reclaimable);
  row("Slab:", m.slab_reclaimable + m.slab_unreclaimable);
  row("SReclaimable:", m.slab_reclaimable);
  row("SUnreclaim:", m.slab_unreclaimable);
  row("PageTables:", m.page_tables);
  row("CommitLimit:", m.mapped_limit);
  row("Committed_AS:", m.committed);
  if (m.vmalloc_total != 0) {
    row("VmallocTotal:", m.vmalloc_total);
    row("VmallocUsed:", m.vmalloc_used);
    row("VmallocChunk:", 0); // as Linux has it since 4.4
  }
  text += fmt::format("HugePages_Total: {:7}\nHugePages_Free:  {:7}\n", 0, 0);
  row("Hugepagesize:", 2ull << 20);
  return text;
}

std::string vmstat_text(const MemorySnapshot &memory, const Statistics &s, const tlb::FlushCounters &f) {
  const phys::Counters &c = memory.memory.counters;
  std::string text;
  const auto row = [&](std::string_view name, std::uint64_t value) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
  };
  std::uint64_t faults = s.host_faults;
  for (const Counter &of_case : s.faults) faults += of_case;
  const auto of_nodes = [&](std::uint64_t phys::NodeFigures::*figure) {
    std::uint64_t sum = 0;
    for (const phys::NodeFigures &node : memory.memory.nodes) sum += node.*figure;
    return sum;
  };
  NodeShare share;
  for (const NodeShare &of_node : memory.shares) {
    share.slab_reclaimable += of_node.slab_reclaimable;
    share.slab_unreclaimable += of_node.slab_unreclaimable;
    share.shared += of_node.shared;
  }
  row("nr_free_pages", c.free - std::min(c.free, c.kernel_charge));
  row("numa_hit", of_nodes(&phys::NodeFigures::numa_hit));
  row("numa_miss", of_nodes(&phys::NodeFigures::numa_miss));
  row("numa_foreign", of_nodes(&phys::NodeFigures::numa_foreign));
  row("numa_interleave", of_nodes(&phys::NodeFigures::interleave_hit));
  row("numa_local", of_nodes(&phys::NodeFigures::local_node));
  row("numa_other", of_nodes(&phys::NodeFigures::other_node));
  row("nr_slab_reclaimable", share.slab_reclaimable);
  row("nr_slab_unreclaimable", share.slab_unreclaimable);
  row("nr_anon_pages", c.by_kind[std::size_t(phys::FrameKind::Anonymous)]);
  row("nr_file_pages", c.by_kind[std::size_t(phys::FrameKind::File)]);
  row("nr_shmem", share.shared);
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

namespace {

Generate from_memory(std::string (*text)(const phys::MemoryFigures &)) {
  return [text](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return text(view.kernel->platform().memory.figures());
  };
}

} // namespace

void add_memory_files(SyntheticTree &proc) {
  proc.file("meminfo", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    return meminfo_text(memory_figures(*view.kernel));
  });
  proc.file("vmstat", [](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    Kernel &kernel = *view.kernel;
    return vmstat_text(memory_snapshot(kernel), kernel.statistics(), kernel.platform().invalidator.counters());
  });
  proc.file("zoneinfo", from_memory(zoneinfo_text));
  proc.file("buddyinfo", from_memory(buddyinfo_text));
  proc.file("pagetypeinfo", from_memory(pagetypeinfo_text), 0400);
  proc.file(
      "slabinfo",
      [](const View &view) -> Content {
        if (view.kernel == nullptr) return unexpected(ENOENT);
        return slabinfo_text(cache_figures(*view.kernel));
      },
      0400);
  proc.file(
      "vmallocinfo",
      [](const View &view) -> Content {
        if (view.kernel == nullptr) return unexpected(ENOENT);
        const space::Vmalloc *vmalloc = view.kernel->platform().vmalloc;
        return vmalloc == nullptr ? std::string() : vmallocinfo_text(vmalloc->figures());
      },
      0400);
  proc.file("swaps", [](const View &) -> Content { return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"; });
}

} // namespace pagoda::kernel
