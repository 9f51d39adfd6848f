// Frames under a memory policy: the one way by which the pages of programs are allocated.
//
// Linux's alloc_pages under a mempolicy as behaviour: interleaving and preferring fall back to every
// other node, binding does not.
#pragma once

#include <cstdint>
#include <span>

#include "mmu/phys/physical_memory.hpp"
#include "mmu/phys/request.hpp"
#include "mmu/space/mempolicy.hpp"

namespace pagoda::space {

// The nodes that have memory: those that a policy can name.
[[nodiscard]] phys::NodeMask memory_nodes(const phys::PhysicalMemory &memory);
// The node of a frame that is held; 0 for a foreign one.
[[nodiscard]] inline phys::NodeId node_at(const phys::PhysicalMemory &memory, Gfn frame) {
  return memory.node_of(frame).value_or(0);
}

// What `area` leaves to the task is decided by its policy.
[[nodiscard]] const Mempolicy &effective(const Mempolicy &area);

// Single frames for pages; how many leading ones of `out` were had. `numbers[i]` is that of the page
// for which out[i] is, and counts for interleaving alone: it may be empty otherwise. `request` says
// everything but the nodes.
[[nodiscard]] std::size_t allocate_under(phys::PhysicalMemory &memory, const Mempolicy &area,
                                         std::span<const std::uint64_t> numbers, std::span<Gfn> out,
                                         phys::Request request);

} // namespace pagoda::space
