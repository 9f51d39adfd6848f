// The host's memory nodes, and the guest's memory on them.
//
// Where the host has several nodes with memory, the memory of guest node n is bound to the host's n-th
// of them, going round (mbind(2)); where it has one there is nothing to bind, and the guest's nodes
// differ in what the guest is told alone.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mmu/phys/topology.hpp"

namespace pagoda::vmm {

struct NodeBinding {
  std::vector<unsigned> host_nodes; // with memory
  struct Bound {
    phys::NodeId guest;
    unsigned host;
    bool operator==(const Bound &) const = default;
  };
  std::vector<Bound> bound;
  std::string problem; // why nothing is bound though the host has nodes

  // For people: "2 guest nodes on 2 host nodes", or why not.
  [[nodiscard]] std::string text() const;
};

inline constexpr const char *kNodeDirectory = "/sys/devices/system/node";

// A host that does not say has one node.
[[nodiscard]] std::vector<unsigned> host_memory_nodes(const std::string &directory = kNodeDirectory);

// `base`: host address of Gpa 0, with nothing touched yet. A guest of one node is not bound: the host's own
// policy suits it.
[[nodiscard]] NodeBinding bind_nodes(const phys::Topology &topology, std::byte *base, std::vector<unsigned> host_nodes);

} // namespace pagoda::vmm
