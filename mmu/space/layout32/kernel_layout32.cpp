#include "mmu/space/layout32/kernel_layout32.hpp"

#include <algorithm>

#include "mmu/space/layout32/fixed_slot.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::space {

static_assert(kPageOffset == kUserEnd32, "the kernel's part begins where that of programs ends");

Machine32 Machine32::of(const phys::Topology &topology) {
  Machine32 machine;
  machine.low_bytes = topology.ram().ranges[0].end.value();
  machine.cpus = 0;
  for (const phys::NodeSpec &node : topology.nodes) machine.cpus += unsigned(node.cpus.size());
  machine.pae = phys::kDma32End < topology.end();
  return machine;
}

KernelLayout32::KernelLayout32(const Machine32 &machine) : cpus(std::clamp(machine.cpus, 1u, kMostCpus32)) {
  const std::uint64_t low = std::min(page_floor(machine.low_bytes), phys::kDirectMapEnd.value());
  direct_map = {kPageOffset, kPageOffset + low};

  const std::uint64_t fixed = kFixedSlots + std::uint64_t{cpus} * kKmapLocalDepth;
  fixmap = {kFixmapTop - (fixed << kPageShift), kFixmapTop};

  // One page table holds the window, so that a slot is an index into it.
  const std::uint64_t slots = machine.pae ? 512 : 1024;
  const Gva behind = fixmap.begin - ((slots + 1) << kPageShift);
  const Gva begin(behind.value() & ~((slots << kPageShift) - 1));
  kmap = {begin, begin + (slots << kPageShift)};

  vmalloc = {direct_map.end + kVmallocOffset, kmap.begin - 2 * kPageSize};
}

std::optional<Region32> KernelLayout32::region_of(Gva gva) const {
  if (direct_map.contains(gva)) return Region32::DirectMap;
  if (vmalloc.contains(gva)) return Region32::Vmalloc;
  if (kmap.contains(gva)) return Region32::Kmap;
  if (fixmap.contains(gva)) return Region32::Fixmap;
  return std::nullopt;
}

bool KernelLayout32::disjoint() const {
  const bool whole = direct_map.begin == kPageOffset && direct_map.begin <= direct_map.end && !vmalloc.empty() &&
                     !kmap.empty() && !fixmap.empty();
  return whole && direct_map.end + kVmallocOffset <= vmalloc.begin && vmalloc.end + 2 * kPageSize <= kmap.begin &&
         kmap.end <= fixmap.begin && fixmap.end <= kFixmapTop;
}

} // namespace pagoda::space
