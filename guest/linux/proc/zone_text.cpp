#include "guest/linux/proc/zone_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace pagoda::kernel {

namespace {

using phys::FrameKind;
using phys::NodeFigures;
using phys::ZoneFigures;
using phys::ZoneType;
using Out = std::back_insert_iterator<std::string>;

phys::Order highest_order(const phys::MemoryFigures &figures) {
  phys::Order highest = 0;
  for (const ZoneFigures &zone : figures.zones) highest = std::max(highest, zone.max_order);
  return highest;
}

bool has_zone(const phys::MemoryFigures &figures, ZoneType type) {
  return std::ranges::any_of(figures.zones, [&](const ZoneFigures &zone) { return zone.type == type; });
}

// The zones that a kernel of this layout knows, with frames or without.
std::vector<ZoneType> known_zones(const phys::MemoryFigures &figures) {
  const bool high = has_zone(figures, ZoneType::HighMem);
  std::vector<ZoneType> types{ZoneType::Dma};
  if (!high) types.push_back(ZoneType::Dma32);
  types.push_back(ZoneType::Normal);
  if (high) types.push_back(ZoneType::HighMem);
  types.push_back(ZoneType::Movable);
  types.push_back(ZoneType::Device);
  return types;
}

void stat_line(Out out, std::string_view name, std::uint64_t value) {
  fmt::format_to(out, "\n      {:<12} {}", name, value);
}

void append_node(Out out, const NodeFigures &node) {
  const auto of_kind = [&](FrameKind kind) { return node.by_kind[std::size_t(kind)]; };
  fmt::format_to(out, "\n  per-node stats");
  stat_line(out, "nr_anon_pages", of_kind(FrameKind::Anonymous));
  stat_line(out, "nr_mapped", of_kind(FrameKind::File));
  stat_line(out, "nr_file_pages", of_kind(FrameKind::File));
  stat_line(out, "nr_page_table_pages", of_kind(FrameKind::Table));
}

void append_sizes(Out out, const ZoneFigures &zone, const std::vector<ZoneType> &known) {
  // Free memory of the zone is what can be handed out: per-CPU lists count, as in Linux, as used.
  fmt::format_to(out, "\n  pages free     {}\n        boost    0\n        min      {}\n        low      {}", zone.free,
                 zone.min, zone.low);
  fmt::format_to(out, "\n        high     {}\n        spanned  {}\n        present  {}\n        managed  {}", zone.high,
                 zone.spanned, zone.present, zone.managed);
  fmt::format_to(out, "\n        cma      0\n        protection: (");
  std::string_view separator;
  for (const ZoneType type : known) {
    fmt::format_to(out, "{}{}", separator, zone.lowmem_reserve[std::size_t(type)]);
    separator = ", ";
  }
  fmt::format_to(out, ")");
}

void append_counters(Out out, const ZoneFigures &zone) {
  stat_line(out, "nr_free_pages", zone.free);
  stat_line(out, "nr_free_cma", 0);
  fmt::format_to(out, "\n  pagesets");
  for (const phys::PerCpuFigures &cpu : zone.per_cpu)
    fmt::format_to(out,
                   "\n    cpu: {}\n              count:    {}\n              high:     {}\n              batch:    {}",
                   cpu.slot, cpu.count, cpu.high, cpu.batch);
  fmt::format_to(out, "\n  node_unreclaimable:  0\n  start_pfn:           {}", zone.start.number());
}

const ZoneFigures *find_zone(const phys::MemoryFigures &figures, phys::NodeId node, ZoneType type) {
  const auto found = std::ranges::find_if(
      figures.zones, [&](const ZoneFigures &zone) { return zone.node == node && zone.type == type; });
  return found == figures.zones.end() ? nullptr : &*found;
}

void append_free_lists(Out out, const ZoneFigures &zone, phys::Order highest) {
  for (unsigned type = 0; type < phys::kMigratetypes; ++type) {
    fmt::format_to(out, "Node {:4}, zone {:>8}, type {:>12} ", zone.node, phys::name(zone.type),
                   phys::name(phys::Migratetype(type)));
    for (phys::Order order = 0; order <= highest; ++order) fmt::format_to(out, "{:6} ", zone.free_blocks[type][order]);
    fmt::format_to(out, "\n");
  }
}

} // namespace

std::string buddyinfo_text(const phys::MemoryFigures &figures) {
  std::string text;
  const Out out = std::back_inserter(text);
  const phys::Order highest = highest_order(figures);
  for (const ZoneFigures &zone : figures.zones) {
    fmt::format_to(out, "Node {}, zone {:>8} ", zone.node, phys::name(zone.type));
    for (phys::Order order = 0; order <= highest; ++order) fmt::format_to(out, "{:6} ", zone.blocks(order));
    fmt::format_to(out, "\n");
  }
  return text;
}

std::string pagetypeinfo_text(const phys::MemoryFigures &figures) {
  std::string text;
  const Out out = std::back_inserter(text);
  const phys::Order highest = highest_order(figures);
  for (const NodeFigures &node : figures.nodes) {
    if (node.present == 0) continue;
    const auto of_node = [&](auto &&visit) {
      for (const ZoneFigures &zone : figures.zones)
        if (zone.node == node.node) visit(zone);
    };
    fmt::format_to(out, "Page block order: {}\nPages per block:  {}\n\n", phys::kPageblockOrder,
                   phys::kPageblockFrames);
    fmt::format_to(out, "{:<43} ", "Free pages count per migrate type at order");
    for (phys::Order order = 0; order <= highest; ++order) fmt::format_to(out, "{:6} ", order);
    fmt::format_to(out, "\n");
    of_node([&](const ZoneFigures &zone) { append_free_lists(out, zone, highest); });
    fmt::format_to(out, "\n{:<23}", "Number of blocks type ");
    for (unsigned type = 0; type < phys::kMigratetypes; ++type)
      fmt::format_to(out, "{:>12} ", phys::name(phys::Migratetype(type)));
    fmt::format_to(out, "\n");
    of_node([&](const ZoneFigures &zone) {
      fmt::format_to(out, "Node {}, zone {:>8} ", zone.node, phys::name(zone.type));
      for (const std::uint64_t blocks : zone.pageblocks) fmt::format_to(out, "{:12} ", blocks);
      fmt::format_to(out, "\n");
    });
  }
  return text;
}

std::string zoneinfo_text(const phys::MemoryFigures &figures) {
  std::string text;
  const Out out = std::back_inserter(text);
  const std::vector<ZoneType> known = known_zones(figures);
  for (const NodeFigures &node : figures.nodes) {
    bool first = true; // populated zone of the node
    for (const ZoneType type : known) {
      ZoneFigures empty;
      const ZoneFigures *zone = find_zone(figures, node.node, type);
      fmt::format_to(out, "Node {}, zone {:>8}", node.node, phys::name(type));
      if (zone != nullptr && std::exchange(first, false)) append_node(out, node);
      append_sizes(out, zone != nullptr ? *zone : empty, known);
      if (zone != nullptr) append_counters(out, *zone);
      fmt::format_to(out, "\n");
    }
  }
  return text;
}

} // namespace pagoda::kernel
