#include "tools/pagoda/options/nodes.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "mmu/base/checked.hpp"
#include "tools/pagoda/options/units.hpp"

namespace pagoda::tools {
namespace {

using Problem = std::optional<std::string>;

constexpr std::uint64_t kGranule = phys::kPageblockFrames << kPageShift; // where a node may begin
constexpr std::uint64_t kDivision = kPageSize << phys::kMaxOrder;        // what even division rounds to
constexpr unsigned kFarthest = 254;                                      // 255 is "unreachable" in a SLIT

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (text.empty() || error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

// One node as it was typed.
struct Typed {
  phys::NodeSpec spec;
  bool names_cpus = false;
};

Problem take_cpus(std::string_view text, unsigned cpus, Typed &node) {
  node.names_cpus = true;
  for (const std::string_view range : split(text, ',')) {
    const auto dash = range.find('-');
    const auto first = number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
    if (!first || !last || *last < *first)
      return fmt::format("\"{}\" names no CPUs; give numbers and ranges such as 0-1,3", text);
    if (*last >= cpus)
      return fmt::format("CPU {} does not exist; give CPUs from 0 to {}, or more of them with --cpus", *last, cpus - 1);
    for (unsigned cpu = *first; cpu <= *last; ++cpu) node.spec.cpus.push_back(cpu);
  }
  return std::nullopt;
}

Problem take_distances(std::string_view text, Typed &node) {
  for (const std::string_view item : split(text, ',')) {
    const auto distance = number(item);
    if (!distance || *distance < phys::kLocalDistance || *distance > kFarthest)
      return fmt::format("\"{}\" is no distance; give 10 for the node itself and 11 to {} for the others", item,
                         kFarthest);
    node.spec.distances.push_back(std::uint8_t(*distance));
  }
  return std::nullopt;
}

std::expected<Typed, std::string> take_node(std::string_view text, unsigned cpus) {
  Typed node;
  const auto attributes = split(text, ';');
  const std::string_view head = attributes.front();
  const auto at = head.find('@');
  const auto bytes = parse_size(head.substr(0, at));
  if (!bytes) return std::unexpected(bytes.error());
  node.spec.bytes = *bytes;
  if (at != std::string_view::npos)
    if (auto problem = take_cpus(head.substr(at + 1), cpus, node)) return std::unexpected(std::move(*problem));
  for (std::size_t i = 1; i < attributes.size(); ++i) {
    constexpr std::string_view kDistance = "distance=";
    if (!attributes[i].starts_with(kDistance) || !node.spec.distances.empty())
      return std::unexpected(
          fmt::format("\"{}\" is not understood; write SIZE@CPUS;distance=D,D for each node", attributes[i]));
    if (auto problem = take_distances(attributes[i].substr(kDistance.size()), node))
      return std::unexpected(std::move(*problem));
  }
  return node;
}

void divide_cpus(phys::Topology &topology, unsigned cpus) {
  const std::uint64_t nodes = topology.nodes.size();
  for (unsigned cpu = 0; cpu < cpus; ++cpu)
    topology.nodes[cpu * nodes / std::max<std::uint64_t>(cpus, nodes)].cpus.push_back(cpu);
}

// Every CPU belongs to one node.
Problem check_cpus(const phys::Topology &topology, unsigned cpus) {
  std::vector<unsigned> seen(cpus);
  for (const phys::NodeSpec &node : topology.nodes)
    for (const unsigned cpu : node.cpus) ++seen[cpu];
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    if (seen[cpu] > 1) return fmt::format("CPU {} is in two nodes; give it to one", cpu);
    if (seen[cpu] == 0) return fmt::format("CPU {} is in no node; give it to one with @", cpu);
  }
  return std::nullopt;
}

Problem check_distances(const phys::Topology &topology) {
  const std::size_t nodes = topology.nodes.size();
  for (std::size_t i = 0; i < nodes; ++i) {
    const auto &row = topology.nodes[i].distances;
    if (row.empty()) continue;
    if (row.size() != nodes)
      return fmt::format("node {} has {} distances for {} nodes; give one to each node", i, row.size(), nodes);
    for (std::size_t j = 0; j < nodes; ++j)
      if ((row[j] == phys::kLocalDistance) != (i == j))
        return fmt::format("the distance from node {} to node {} is {}; give 10 to itself and more to others", i, j,
                           row[j]);
  }
  return std::nullopt;
}

// Rows that were left out, from the columns of those that were not.
void fill_distances(phys::Topology &topology) {
  const std::size_t nodes = topology.nodes.size();
  if (std::ranges::all_of(topology.nodes, [](const auto &node) { return node.distances.empty(); })) return;
  std::vector<std::vector<std::uint8_t>> rows;
  for (std::size_t i = 0; i < nodes; ++i) {
    std::vector<std::uint8_t> row = topology.nodes[i].distances;
    if (row.empty()) {
      row.assign(nodes, phys::kRemoteDistance);
      for (std::size_t j = 0; j < nodes; ++j)
        if (!topology.nodes[j].distances.empty()) row[j] = topology.nodes[j].distances[i];
      row[i] = phys::kLocalDistance;
    }
    rows.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < nodes; ++i) topology.nodes[i].distances = std::move(rows[i]);
}

Problem check_sizes(const phys::Topology &topology, const NodesContext &context) {
  for (std::size_t i = 0; i < topology.nodes.size(); ++i)
    if (topology.nodes[i].bytes % kGranule != 0)
      return fmt::format("node {} has {} bytes; give a multiple of 2M", i, topology.nodes[i].bytes);
  const std::uint64_t bytes = topology.bytes();
  if (bytes == 0) return std::string("no node has memory; give a size to one");
  if (context.memory && *context.memory != bytes)
    return fmt::format("the nodes have {} KiB and --memory says {} KiB; give one of the two", bytes >> 10,
                       *context.memory >> 10);
  return std::nullopt;
}

} // namespace

std::expected<phys::Topology, std::string> even_nodes(unsigned count, std::uint64_t memory, unsigned cpus) {
  if (count == 0 || count > phys::kMaxNodes)
    return std::unexpected(fmt::format("{} nodes cannot be had; give 1 to {}", count, phys::kMaxNodes));
  if (count > 1 && memory / count < kDivision)
    return std::unexpected(
        fmt::format("{} KiB are too little for {} nodes; give each at least 4M", memory >> 10, count));
  if (count > 1 && memory % kGranule != 0)
    return std::unexpected(fmt::format("{} KiB cannot be divided into nodes; give a multiple of 2M", memory >> 10));
  phys::Topology topology;
  topology.nodes.resize(count);
  const std::uint64_t share = memory / count / kDivision * kDivision;
  for (phys::NodeSpec &node : topology.nodes) node.bytes = share;
  topology.nodes.back().bytes = memory - share * (count - 1);
  divide_cpus(topology, cpus);
  return topology;
}

std::expected<phys::Topology, std::string> parse_nodes(std::string_view text, const NodesContext &context) {
  // A bare number is a count: no node is that few bytes large.
  if (const auto count = number(text))
    return even_nodes(*count, context.memory.value_or(context.default_memory), context.cpus);
  const auto parts = split(text, '+');
  if (parts.size() > phys::kMaxNodes)
    return std::unexpected(fmt::format("{} nodes are too many; give 1 to {}", parts.size(), phys::kMaxNodes));
  phys::Topology topology;
  bool names_cpus = false;
  std::uint64_t total = 0;
  for (const std::string_view part : parts) {
    auto node = take_node(part, context.cpus);
    if (!node) return std::unexpected(std::move(node.error()));
    names_cpus = names_cpus || node->names_cpus;
    const auto sum = checked_add(total, node->spec.bytes);
    if (!sum) return std::unexpected(std::string("the nodes are more than 64 bits can count; give smaller sizes"));
    total = *sum;
    topology.nodes.push_back(std::move(node->spec));
  }
  if (!names_cpus) divide_cpus(topology, context.cpus);
  if (auto problem = check_sizes(topology, context)) return std::unexpected(std::move(*problem));
  if (auto problem = check_cpus(topology, context.cpus)) return std::unexpected(std::move(*problem));
  if (auto problem = check_distances(topology)) return std::unexpected(std::move(*problem));
  fill_distances(topology);
  return topology;
}

} // namespace pagoda::tools
