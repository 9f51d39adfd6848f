// Text of the files below /sys/devices/system/node/nodeN, from the figures of one node (Linux,
// drivers/base/node.c as behaviour; numactl, numastat and lstopo read them).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mmu/phys/figures.hpp"

namespace pagoda::kernel {

// What a node's own figures do not tell, in pages.
struct NodeShare {
  std::uint64_t shared = 0;           // shared memory without a file that is resident here
  std::uint64_t slab_reclaimable = 0; // kernel memory, charged to this node
  std::uint64_t slab_unreclaimable = 0;
  std::uint64_t kernel_charge = 0; // free frames that stand for kernel memory: not free to programs
};

[[nodiscard]] std::string node_meminfo_text(const phys::NodeFigures &node, const NodeShare &share);
[[nodiscard]] std::string node_vmstat_text(const phys::NodeFigures &node, const NodeShare &share);
[[nodiscard]] std::string node_numastat_text(const phys::NodeFigures &node);
[[nodiscard]] std::string node_distance_text(const phys::NodeFigures &node);

// The CPUs of a node as a set; CPUs from 64 on do not exist.
[[nodiscard]] std::uint64_t cpu_set(std::span<const unsigned> cpus);

} // namespace pagoda::kernel
