// Machines of several memory nodes for tests.
#pragma once

#include "mmu/phys/topology.hpp"

namespace pagoda::test {

// `count` nodes of `bytes` each without reserves; CPU n in node n.
inline phys::Topology nodes_of(unsigned count, std::uint64_t bytes) {
  phys::Topology topology = phys::Topology::without_reserves(bytes);
  topology.nodes.clear();
  for (unsigned node = 0; node < count; ++node) topology.nodes.push_back({bytes, {node}, {}});
  return topology;
}

} // namespace pagoda::test
