// Everything that the files about the machine's memory are made from, taken at one moment.
#pragma once

#include <vector>

#include "guest/linux/proc/node_text.hpp"
#include "mmu/phys/figures.hpp"
#include "mmu/phys/slab/figures.hpp"

namespace pagoda::kernel {

class Kernel;

struct MemorySnapshot {
  phys::MemoryFigures memory;
  std::vector<NodeShare> shares; // of memory.nodes, in their order
};

[[nodiscard]] MemorySnapshot memory_snapshot(Kernel &kernel);
// The caches of the kernel arena; empty where there is none.
[[nodiscard]] std::vector<phys::CacheFigures> cache_figures(Kernel &kernel);

} // namespace pagoda::kernel
