#include "mmu/phys/zonelist.hpp"

#include <algorithm>
#include <numeric>

namespace pagoda::phys {

namespace {

// The nodes from the nearest on; among equals the next one after `node`, so that all are used alike.
std::vector<NodeId> nearest_first(const Topology &topology, NodeId node) {
  const auto count = unsigned(topology.nodes.size());
  std::vector<NodeId> nodes(count);
  std::iota(nodes.begin(), nodes.end(), NodeId(0));
  std::ranges::sort(nodes, {}, [&](NodeId other) {
    return std::pair(topology.distance(node, other), (other + count - node) % count);
  });
  return nodes;
}

} // namespace

Zonelists::Zonelists(const Topology &topology, std::span<const std::unique_ptr<Zone>> zones)
    : nodes_(unsigned(topology.nodes.size())) {
  const auto append = [&](NodeId node, unsigned type) {
    for (const auto &zone : zones)
      if (zone->node() == node && unsigned(zone->type()) == type && zone->type() != ZoneType::Device)
        entries_.push_back(zone.get());
  };
  for (std::size_t node = 0; node < topology.nodes.size(); ++node) {
    const std::vector<NodeId> all = nearest_first(topology, NodeId(node));
    for (int highest = 0; highest < int(kZoneTypes); ++highest) {
      for (bool this_node : {false, true}) {
        const auto nodes = std::span(all).first(this_node ? 1 : all.size());
        const auto begin = std::uint32_t(entries_.size());
        if (topology.zonelist_order == ZonelistOrder::Node) {
          for (NodeId each : nodes)
            for (int type = highest; type >= 0; --type) append(each, unsigned(type));
        } else {
          for (int type = highest; type >= 0; --type)
            for (NodeId each : nodes) append(each, unsigned(type));
        }
        ranges_.push_back({begin, std::uint32_t(entries_.size()) - begin});
        best_.push_back(entries_.size() == begin ? nullptr : entries_[begin]);
      }
    }
  }
}

} // namespace pagoda::phys
