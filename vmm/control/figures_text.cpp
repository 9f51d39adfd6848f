#include "vmm/control/figures_text.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mmu/phys/fragmentation.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {
namespace {

constexpr std::uint64_t megabytes(std::uint64_t frames) { return frames >> (20 - kPageShift); }

// Thousandths as Linux prints them; its own loses the sign of -0.250.
std::string decimal(int thousandths) {
  return fmt::format("{}{}.{:03}", thousandths < 0 ? "-" : "", std::abs(thousandths) / 1000,
                     std::abs(thousandths) % 1000);
}

template <class Index> std::string index_lines(const phys::MemoryFigures &figures, Index index) {
  std::string text;
  for (const phys::ZoneFigures &zone : figures.zones) {
    const auto blocks = free_blocks(zone);
    text += fmt::format("Node {}, zone {:>8} ", zone.node, phys::name(zone.type));
    for (std::size_t order = 0; order < blocks.size(); ++order)
      text += decimal(int(index(blocks, phys::Order(order)))) + " ";
    text += "\n";
  }
  return text;
}

// Nodes are numbered without gaps.
std::string node_names(const phys::MemoryFigures &figures) {
  if (figures.nodes.size() < 2) return "0";
  return fmt::format("{}-{}", figures.nodes.front().node, figures.nodes.back().node);
}

std::string distance_lines(const phys::MemoryFigures &figures) {
  std::string text = "node distances:\nnode ";
  for (const phys::NodeFigures &node : figures.nodes) text += fmt::format("{:4} ", node.node);
  text += "\n";
  for (const phys::NodeFigures &node : figures.nodes) {
    text += fmt::format("{:4}:", node.node);
    for (const std::uint8_t distance : node.distances) text += fmt::format("{:4} ", distance);
    text += "\n";
  }
  return text;
}

std::string placement_lines(const phys::MemoryFigures &figures) {
  struct Row {
    const char *name;
    std::uint64_t phys::NodeFigures::*count;
  };
  constexpr std::array<Row, 6> kRows{{{"numa_hit", &phys::NodeFigures::numa_hit},
                                      {"numa_miss", &phys::NodeFigures::numa_miss},
                                      {"numa_foreign", &phys::NodeFigures::numa_foreign},
                                      {"interleave_hit", &phys::NodeFigures::interleave_hit},
                                      {"local_node", &phys::NodeFigures::local_node},
                                      {"other_node", &phys::NodeFigures::other_node}}};
  std::string text = fmt::format("{:16}", "");
  for (const phys::NodeFigures &node : figures.nodes) text += fmt::format("{:>16}", fmt::format("node{}", node.node));
  text += "\n";
  for (const Row &row : kRows) {
    text += fmt::format("{:16}", row.name);
    for (const phys::NodeFigures &node : figures.nodes) text += fmt::format("{:16}", node.*row.count);
    text += "\n";
  }
  return text;
}

} // namespace

std::string fragmentation_text(const phys::MemoryFigures &figures) {
  return "Unusable free space index, by order\n" +
         index_lines(figures, [](const auto &blocks, phys::Order o) { return phys::unusable_free_index(blocks, o); }) +
         "\nFragmentation index, by order\n" +
         index_lines(figures, [](const auto &blocks, phys::Order o) { return phys::fragmentation_index(blocks, o); });
}

std::string numa_text(const phys::MemoryFigures &figures) {
  std::string text = fmt::format("available: {} nodes ({})\n", figures.nodes.size(), node_names(figures));
  for (const phys::NodeFigures &node : figures.nodes)
    text += fmt::format("node {0} cpus: {1}\nnode {0} size: {2} MB\nnode {0} free: {3} MB\n", node.node,
                        fmt::join(node.cpus, " "), megabytes(node.managed), megabytes(node.free));
  return text + distance_lines(figures) + "\n" + placement_lines(figures);
}

std::string pages_text(std::string_view by, const PageRows &rows) {
  KindCounts total{};
  std::size_t width = by.size();
  for (const auto &[name, counts] : rows) {
    width = std::max(width, name.size());
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += counts[i];
  }
  const auto line = [&](std::string_view name, auto cell, const std::string &sum) {
    std::string text = fmt::format("{:<{}}", name, width);
    for (std::size_t i = 0; i < total.size(); ++i)
      if (total[i] != 0) text += fmt::format("  {:>10}", cell(i));
    return text + fmt::format("  {:>10}\n", sum);
  };
  const auto counted = [&](std::string_view name, const KindCounts &counts) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : counts) sum += count;
    return line(name, [&](std::size_t i) { return std::to_string(counts[i]); }, std::to_string(sum));
  };
  std::string text = line(by, [](std::size_t i) { return std::string(phys::name(phys::FrameKind(i))); }, "all");
  for (const auto &[name, counts] : rows) text += counted(name, counts);
  if (rows.size() > 1) text += counted("all", total);
  return text;
}

std::string kinds_text(const PageRows &rows) {
  const auto sum = [](const KindCounts &counts) { return std::accumulate(counts.begin(), counts.end(), 0ull); };
  std::uint64_t total = 0;
  for (const auto &[name, counts] : rows) total += sum(counts);
  std::string text = fmt::format("{:<10}  {:>10}  {:>12}  {:>7}\n", "kind", "frames", "KiB", "share");
  const auto line = [&](std::string_view name, std::uint64_t frames) {
    text += fmt::format("{:<10}  {:>10}  {:>12}  {:>5.1f} %\n", name, frames, frames << (kPageShift - 10),
                        total == 0 ? 0.0 : 100.0 * double(frames) / double(total));
  };
  for (const auto &[name, counts] : rows) line(name, sum(counts));
  line("all", total);
  return text;
}

} // namespace pagoda::vmm::control
