#include "guest/linux/proc/memory_snapshot.hpp"

#include <algorithm>
#include <set>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/system/usage.hpp"
#include "mmu/phys/slab/registry.hpp"

namespace pagoda::kernel {

namespace {

void add_shared(Kernel &kernel, std::vector<NodeShare> &shares) {
  std::set<const space::SharedObject *> objects;
  for (const auto &space : all_spaces(kernel)) {
    for (const space::Vma &area : space->areas()) {
      if (!area.object || area.file || !objects.insert(area.object.get()).second) continue;
      const auto by_node = area.object->resident_by_node();
      for (std::size_t i = 0; i < shares.size() && i < by_node.size(); ++i) shares[i].shared += by_node[i];
    }
  }
}

// Frames that stand for kernel memory are taken from the first nodes that have some.
void spread_charge(const phys::MemoryFigures &memory, std::vector<NodeShare> &shares) {
  std::uint64_t left = memory.counters.kernel_charge;
  for (std::size_t i = 0; i < shares.size() && left != 0; ++i) {
    shares[i].kernel_charge = std::min(left, memory.nodes[i].free);
    left -= shares[i].kernel_charge;
  }
}

} // namespace

MemorySnapshot memory_snapshot(Kernel &kernel) {
  MemorySnapshot snapshot;
  snapshot.memory = kernel.platform().memory.figures();
  snapshot.shares.resize(snapshot.memory.nodes.size());
  add_shared(kernel, snapshot.shares);
  spread_charge(snapshot.memory, snapshot.shares);
  if (const phys::SlabRegistry *slabs = kernel.platform().slabs; slabs != nullptr && !snapshot.shares.empty()) {
    const phys::SlabTotals totals = slabs->totals();
    snapshot.shares.front().slab_reclaimable = totals.reclaimable;
    snapshot.shares.front().slab_unreclaimable = totals.unreclaimable;
  }
  return snapshot;
}

std::vector<phys::CacheFigures> cache_figures(Kernel &kernel) {
  const phys::SlabRegistry *slabs = kernel.platform().slabs;
  return slabs == nullptr ? std::vector<phys::CacheFigures>{} : slabs->figures();
}

} // namespace pagoda::kernel
