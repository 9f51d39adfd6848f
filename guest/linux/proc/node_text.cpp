#include "guest/linux/proc/node_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace pagoda::kernel {

namespace {

using phys::FrameKind;
using phys::NodeFigures;

// Pages of a node as /proc and /sys divide them.
struct Pages {
  std::uint64_t free, anonymous, file, tables;
  std::uint64_t cached; // file pages with shared memory, as Linux counts them
};

Pages pages_of(const NodeFigures &node, const NodeShare &share) {
  const auto of_kind = [&](FrameKind kind) { return node.by_kind[std::size_t(kind)]; };
  const auto less = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  const std::uint64_t file = of_kind(FrameKind::File);
  return {.free = less(node.free, share.kernel_charge),
          .anonymous = less(of_kind(FrameKind::Anonymous), share.shared),
          .file = file,
          .tables = of_kind(FrameKind::Table),
          .cached = file + share.shared};
}

} // namespace

std::string node_meminfo_text(const NodeFigures &node, const NodeShare &share) {
  std::string text;
  const Pages pages = pages_of(node, share);
  const auto row = [&](std::string_view label, std::uint64_t count) {
    fmt::format_to(std::back_inserter(text), "Node {} {:<15} {:8} kB\n", node.node, label, count << (kPageShift - 10));
  };
  row("MemTotal:", node.managed);
  row("MemFree:", pages.free);
  row("MemUsed:", node.managed - std::min(node.managed, pages.free));
  row("FilePages:", pages.cached);
  row("Mapped:", pages.cached);
  row("AnonPages:", pages.anonymous);
  row("Shmem:", share.shared);
  row("PageTables:", pages.tables);
  row("KReclaimable:", share.slab_reclaimable);
  row("Slab:", share.slab_reclaimable + share.slab_unreclaimable);
  row("SReclaimable:", share.slab_reclaimable);
  row("SUnreclaim:", share.slab_unreclaimable);
  for (const char *none : {"Total", "Free", "Surp"})
    fmt::format_to(std::back_inserter(text), "Node {} HugePages_{:<6} {:5}\n", node.node, fmt::format("{}:", none), 0);
  return text;
}

std::string node_vmstat_text(const NodeFigures &node, const NodeShare &share) {
  std::string text;
  const Pages pages = pages_of(node, share);
  const auto row = [&](std::string_view name, std::uint64_t value) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", name, value);
  };
  row("nr_free_pages", pages.free);
  row("numa_hit", node.numa_hit);
  row("numa_miss", node.numa_miss);
  row("numa_foreign", node.numa_foreign);
  row("numa_interleave", node.interleave_hit);
  row("numa_local", node.local_node);
  row("numa_other", node.other_node);
  row("nr_slab_reclaimable", share.slab_reclaimable);
  row("nr_slab_unreclaimable", share.slab_unreclaimable);
  row("nr_anon_pages", pages.anonymous);
  row("nr_mapped", pages.cached);
  row("nr_file_pages", pages.cached);
  row("nr_shmem", share.shared);
  row("nr_page_table_pages", pages.tables);
  return text;
}

std::string node_numastat_text(const NodeFigures &node) {
  return fmt::format("numa_hit {}\nnuma_miss {}\nnuma_foreign {}\ninterleave_hit {}\nlocal_node {}\nother_node {}\n",
                     node.numa_hit, node.numa_miss, node.numa_foreign, node.interleave_hit, node.local_node,
                     node.other_node);
}

std::string node_distance_text(const NodeFigures &node) {
  std::string text;
  for (const std::uint8_t distance : node.distances)
    fmt::format_to(std::back_inserter(text), "{}{}", text.empty() ? "" : " ", distance);
  return text + "\n";
}

std::uint64_t cpu_set(std::span<const unsigned> cpus) {
  std::uint64_t set = 0;
  for (const unsigned cpu : cpus)
    if (cpu < 64) set |= 1ull << cpu;
  return set;
}

} // namespace pagoda::kernel
