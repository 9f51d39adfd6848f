// The zones that a request may be met from, best first: for each node and highest zone one list that
// falls back to other nodes by distance, and one that does not (Linux, build_zonelists).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mmu/phys/topology.hpp"
#include "mmu/phys/zone.hpp"

namespace pagoda::phys {

class Zonelists {
public:
  Zonelists(const Topology &topology, std::span<const std::unique_ptr<Zone>> zones);

  [[nodiscard]] std::span<Zone *const> of(NodeId node, ZoneType highest, bool this_node) const {
    const Range &range = ranges_[index(node, highest, this_node)];
    return {entries_.data() + range.begin, range.count};
  }
  // The first of them; null when there is none.
  [[nodiscard]] Zone *best(NodeId node, ZoneType highest, bool this_node) const {
    return best_[index(node, highest, this_node)];
  }
  [[nodiscard]] unsigned nodes() const { return nodes_; }

private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t count = 0;
  };
  [[nodiscard]] static std::size_t index(NodeId node, ZoneType highest, bool this_node) {
    return (std::size_t{node} * kZoneTypes + unsigned(highest)) * 2 + (this_node ? 1 : 0);
  }
  unsigned nodes_ = 0;
  std::vector<Zone *> best_;
  std::vector<Zone *> entries_;
  std::vector<Range> ranges_;
};

} // namespace pagoda::phys
