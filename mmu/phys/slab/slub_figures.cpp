// What a SLUB cache holds, and whether its lists agree with its counts.
#include <vector>

#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slub.hpp"

namespace pagoda::phys {

Slub::FreeLists Slub::lists_of(const KernelPage &slab, std::uintptr_t cpu) const {
  const RemoteFrees remote = RemoteFrees::unpack(slab.remote.load(std::memory_order_acquire));
  const std::uintptr_t base = base_of(slab);
  return {first_free(slab), remote.head == RemoteFrees::kNone ? CpuSlab::kEnd : base + remote.head, cpu};
}

void Slub::for_each_slab(const SlabVisit &visit) {
  Doomed doomed = 0;
  {
    const LockGuard visiting(visitors_);
    hand_over_all(doomed);
  }
  release(doomed);
  const LockGuard visiting(visitors_);
  const auto each = [&](const KernelPage &slab) { visit(slab, lists_of(slab)); };
  visit_cpus([&](CpuSlab &cpu, unsigned) {
    if (cpu.objects != 0) {
      const KernelPage &slab = source_.page(reinterpret_cast<void *>(cpu.base));
      visit(slab, lists_of(slab, cpu.freelist));
    }
    page_list::for_each(source_, cpu.partial.first, each);
    page_list::for_each(source_, cpu.full, each);
  });
  for (unsigned i = 0; i < source_.nodes(); ++i) {
    Node &node = nodes_[i];
    const LockGuard guard(node.mutex);
    page_list::for_each(source_, node.partial, each);
    page_list::for_each(source_, node.full, each);
  }
}

void Slub::count(CacheFigures &figures) {
  const SlabLayout &layout = cache_.layout();
  for_each_slab([&](const KernelPage &, const FreeLists &lists) {
    std::uint64_t free = 0;
    for (std::uintptr_t first : lists.all()) free += length_of(first);
    const std::uint64_t used = layout.objects - std::min<std::uint64_t>(free, layout.objects);
    ++figures.total_slabs;
    figures.active_objects += used;
    if (used != 0) ++figures.active_slabs;
    if (used != 0 && used < layout.objects) ++figures.partial_slabs;
  });
  figures.total_objects = figures.total_slabs * layout.objects;
}

std::string Slub::check_slab(const KernelPage &slab, const FreeLists &lists) const {
  const SlabLayout &layout = cache_.layout();
  const std::uintptr_t base = base_of(slab);
  const std::string where = ": slab at frame " + std::to_string(source_.number(slab)) + " of " + cache_.name();
  if (slab.use != PageUse::Slab || slab.cache != cache_.id()) return "not marked as its cache's" + where;
  std::vector<bool> free(layout.objects);
  std::uint32_t own = 0;
  for (std::uintptr_t first : lists.all())
    for (std::uintptr_t at = first; (at & CpuSlab::kEnd) == 0; at = next_free(at)) {
      const std::uint64_t index = layout.index(at - base);
      if (index >= layout.objects) return "a link leads out" + where;
      if (free[index]) return "an object is free twice" + where;
      free[index] = true;
      if (first == lists.own) ++own;
    }
  if (slab.in_use + own != layout.objects) return "objects in use are miscounted" + where;
  return {};
}

std::string Slub::invariant() {
  std::string wrong;
  std::uint64_t slabs = 0;
  for_each_slab([&](const KernelPage &slab, const FreeLists &lists) {
    ++slabs;
    if (wrong.empty()) wrong = check_slab(slab, lists);
  });
  if (wrong.empty() && slabs != slabs_.load(std::memory_order_relaxed))
    wrong = "a slab of " + cache_.name() + " is on no list";
  return wrong;
}

void Slub::for_each_live(const std::function<void(const LiveObject &)> &visit) {
  const SlabLayout &layout = cache_.layout();
  for_each_slab([&](const KernelPage &slab, const FreeLists &lists) {
    std::vector<bool> free(layout.objects);
    for (std::uintptr_t first : lists.all())
      for (std::uintptr_t at = first; (at & CpuSlab::kEnd) == 0; at = next_free(at)) {
        const std::uint64_t index = layout.index(at - base_of(slab));
        if (index < layout.objects) free[index] = true;
      }
    for (std::uint32_t i = 0; i < layout.objects; ++i)
      if (!free[i]) visit({.address = source_.address(slab) + i * layout.stride});
  });
}

} // namespace pagoda::phys
