#include "mmu/phys/topology.hpp"

#include <algorithm>
#include <numeric>

#include "mmu/base/checked.hpp"

namespace pagoda::phys {

namespace {

constexpr std::uint64_t kPageblockBytes = kPageSize << kPageblockOrder;
constexpr std::uint64_t pageblock_ceil(std::uint64_t bytes) {
  return (bytes + kPageblockBytes - 1) & ~(kPageblockBytes - 1);
}

} // namespace

Layout::Layout(std::uint64_t bytes) {
  bytes = page_floor(std::min(bytes, kMaxMemory));
  const std::uint64_t low = std::min(bytes, kHoleBegin.value());
  ranges[0] = {Gpa(0), Gpa(low)};
  ranges[1] = {kHoleEnd, kHoleEnd + (bytes - low)};
}

Gpa Layout::end() const { return ranges[1].empty() ? ranges[0].end : ranges[1].end; }

Topology Topology::uma(std::uint64_t bytes, unsigned cpus) {
  Topology result;
  NodeSpec node{.bytes = bytes, .cpus = std::vector<unsigned>(cpus), .distances = {}};
  std::iota(node.cpus.begin(), node.cpus.end(), 0u);
  result.nodes.push_back(std::move(node));
  return result;
}

Topology Topology::without_reserves(std::uint64_t bytes) {
  Topology result = uma(bytes);
  result.min_free_kbytes = 0;
  result.watermark_scale_factor = 0;
  result.lowmem_reserve_ratio = {};
  return result;
}

std::uint64_t Topology::bytes() const {
  std::uint64_t sum = 0;
  for (const NodeSpec &node : nodes) sum = saturating_add(sum, node.bytes);
  return sum;
}

std::uint8_t Topology::distance(NodeId from, NodeId to) const {
  if (from < nodes.size() && to < nodes[from].distances.size()) return nodes[from].distances[to];
  return from == to ? kLocalDistance : kRemoteDistance;
}

NodeId Topology::node_of_cpu(unsigned cpu) const {
  for (std::size_t node = 0; node < nodes.size(); ++node)
    if (std::ranges::find(nodes[node].cpus, cpu) != nodes[node].cpus.end()) return NodeId(node);
  return 0;
}

GpaRange Topology::device_room() const {
  const Gpa begin(pageblock_ceil(ram().end().value()));
  return {begin, begin + page_floor(std::min(device_bytes, kMaxMemory))};
}

Gpa Topology::end() const { return device_bytes == 0 ? ram().end() : device_room().end; }

namespace {

std::string distance_problem(const Topology &topology, std::size_t node) {
  const auto &distances = topology.nodes[node].distances;
  if (distances.empty()) return {};
  const std::string which = "node " + std::to_string(node);
  if (distances.size() != topology.nodes.size()) return which + " must give one distance for each node";
  for (std::size_t to = 0; to < distances.size(); ++to) {
    if (to == node && distances[to] != kLocalDistance) return which + " must be at distance 10 from itself";
    if (to != node && distances[to] <= kLocalDistance) return which + " can be no nearer to another than 11";
  }
  return {};
}

std::string cpu_problem(const Topology &topology) {
  std::vector<unsigned> seen;
  for (const NodeSpec &node : topology.nodes) seen.insert(seen.end(), node.cpus.begin(), node.cpus.end());
  std::ranges::sort(seen);
  const auto twice = std::ranges::adjacent_find(seen);
  return twice == seen.end() ? std::string() : "CPU " + std::to_string(*twice) + " is in two nodes";
}

} // namespace

std::string Topology::problem() const {
  if (nodes.empty() || nodes.size() > kMaxNodes) return "there must be 1 to " + std::to_string(kMaxNodes) + " nodes";
  if (bytes() > kMaxMemory) return "more memory than can be managed";
  if (device_bytes > kMaxMemory) return "more device memory than can be managed";
  if (max_order < kPageblockOrder || max_order > kLargestOrder) return "the highest order must be 9 to 18";
  if (nodes.size() > 1)
    for (std::size_t node = 0; node < nodes.size(); ++node)
      if (nodes[node].bytes % kPageblockBytes != 0)
        return "node " + std::to_string(node) + " must have a multiple of 2 MiB";
  if (movable_bytes > bytes()) return "the movable part is larger than the memory";
  for (std::size_t node = 0; node < nodes.size(); ++node)
    if (std::string wrong = distance_problem(*this, node); !wrong.empty()) return wrong;
  return cpu_problem(*this);
}

// --- zones

namespace {

// Where a zone ends by its address alone; nothing for a zone that a layout has not.
struct ZoneEnd {
  ZoneType type;
  Gpa end;
};
std::vector<ZoneEnd> zone_ends(LayoutKind layout) {
  constexpr Gpa kEverything{~0ull};
  switch (layout) {
  case LayoutKind::Flat64:
    return {{ZoneType::Dma, kDmaEnd}, {ZoneType::Dma32, kDma32End}, {ZoneType::Normal, kEverything}};
  case LayoutKind::Split32:
    return {{ZoneType::Dma, kDmaEnd}, {ZoneType::Normal, kDirectMapEnd}, {ZoneType::HighMem, kEverything}};
  case LayoutKind::Arena: break;
  }
  return {{ZoneType::Normal, kEverything}};
}

// Takes `bytes` of RAM off the front of `left`.
std::vector<GpaRange> take_front(std::vector<GpaRange> &left, std::uint64_t bytes) {
  std::vector<GpaRange> taken;
  while (bytes != 0 && !left.empty()) {
    GpaRange &front = left.front();
    const std::uint64_t piece = std::min(bytes, front.length());
    if (piece != 0) taken.push_back({front.begin, front.begin + piece});
    front.begin += piece;
    bytes -= piece;
    if (front.empty()) left.erase(left.begin());
  }
  return taken;
}

std::uint64_t length(const std::vector<GpaRange> &ranges) {
  std::uint64_t sum = 0;
  for (const GpaRange &range : ranges) sum += range.length();
  return sum;
}

void add_span(std::vector<ZoneSpan> &out, NodeId node, ZoneType type, const std::vector<GpaRange> &ranges) {
  ZoneSpan span{node, type, {}};
  for (const GpaRange &range : ranges)
    if (!range.empty()) span.frames.push_back({Gfn::of(range.begin), Gfn::of(range.end)});
  if (!span.frames.empty()) out.push_back(std::move(span));
}

std::vector<GpaRange> below(const std::vector<GpaRange> &ranges, Gpa begin, Gpa end) {
  std::vector<GpaRange> result;
  for (const GpaRange &range : ranges) {
    const GpaRange part{std::max(range.begin, begin), std::min(range.end, end)};
    if (part.begin < part.end) result.push_back(part);
  }
  return result;
}

void add_node(std::vector<ZoneSpan> &out, const Topology &topology, NodeId node, std::vector<GpaRange> memory,
              std::uint64_t movable) {
  const std::uint64_t fixed = length(memory) - std::min(movable, length(memory));
  std::vector<GpaRange> rest = std::move(memory);
  const std::vector<GpaRange> kernel = take_front(rest, std::min(pageblock_ceil(fixed), length(rest)));
  Gpa begin(0);
  for (const ZoneEnd &zone : zone_ends(topology.layout)) {
    add_span(out, node, zone.type, below(kernel, begin, zone.end));
    begin = zone.end;
  }
  add_span(out, node, ZoneType::Movable, rest);
}

} // namespace

std::vector<ZoneSpan> zone_spans(const Topology &topology) {
  const Layout ram = topology.ram();
  std::vector<GpaRange> left;
  for (const GpaRange &range : ram.ranges)
    if (!range.empty()) left.push_back(range);
  std::vector<ZoneSpan> result;
  for (std::size_t node = 0; node < topology.nodes.size(); ++node) {
    const std::uint64_t bytes = topology.nodes[node].bytes;
    const auto movable = std::uint64_t(static_cast<unsigned __int128>(topology.movable_bytes) * bytes /
                                       std::max<std::uint64_t>(topology.bytes(), 1));
    add_node(result, topology, NodeId(node), take_front(left, bytes), movable);
  }
  return result;
}

} // namespace pagoda::phys
