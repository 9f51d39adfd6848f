#include "mmu/phys/slab/array_slab.hpp"

#include <algorithm>
#include <bit>

#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slab_frames.hpp"
#include "mmu/phys/slab/slab_site.hpp"

namespace pagoda::phys {

namespace {

constexpr std::uint32_t kSharedBatches = 8;
constexpr std::uint32_t kKeptFreeSlabs = 4;

std::uint32_t limit_for(std::size_t size) {
  if (size > 128u << 10) return 1;
  if (size > 4096) return 8;
  if (size > 1024) return 24;
  return size > 256 ? 54 : 120;
}

} // namespace

ArraySlab::ArraySlab(Cache &cache)
    : cache_(cache), source_(cache.registry().source()), limit_(limit_for(cache.layout().size)),
      batch_((limit_ + 1) / 2), cpus_(std::make_unique<Cpu[]>(kCpuSlots)),
      nodes_(std::make_unique<Node[]>(source_.nodes())) {}

ArraySlab::~ArraySlab() { shrink(); }

void ArraySlab::enter(Cpu &cpu) {
  while (!cpu.lock.try_enter()) { const LockGuard wait(visitors_); }
}

void ArraySlab::prepare(Cpu &cpu, unsigned slot) {
  if (cpu.objects != nullptr) return;
  cpu.objects = std::make_unique<void *[]>(limit_);
  touched_.fetch_or(1ull << slot, std::memory_order_relaxed);
}

std::uintptr_t ArraySlab::base_of(const void *object) const {
  return reinterpret_cast<std::uintptr_t>(source_.address(source_.head(source_.page(object))));
}

// --- slabs

void *ArraySlab::take_locked(Node &node) {
  if (node.partial == 0) {
    KernelPage *slab = page_list::pop(source_, node.free);
    if (slab == nullptr) return nullptr;
    --node.free_slabs;
    page_list::push(source_, node.partial, *slab);
  }
  KernelPage &slab = source_.page(node.partial);
  const auto base = reinterpret_cast<std::uintptr_t>(source_.address(slab));
  void *object = reinterpret_cast<void *>(base + slab.freelist);
  const std::uintptr_t next = link_of(object) ^ cache_.key();
  ++slab.in_use;
  slab.freelist = (next & CpuSlab::kEnd) != 0 ? KernelPage::kNone : std::uint32_t(next - base);
  if (slab.freelist == KernelPage::kNone) {
    page_list::remove(source_, node.partial, slab);
    page_list::push(source_, node.full, slab);
  }
  link_of(object) = (base | CpuSlab::kEnd) ^ cache_.key();
  return object;
}

void ArraySlab::put_locked(Node &node, void *object) {
  KernelPage &slab = source_.head(source_.page(object));
  const auto base = reinterpret_cast<std::uintptr_t>(source_.address(slab));
  const bool was_full = slab.freelist == KernelPage::kNone;
  link_of(object) = (was_full ? base | CpuSlab::kEnd : base + slab.freelist) ^ cache_.key();
  slab.freelist = std::uint32_t(reinterpret_cast<std::uintptr_t>(object) - base);
  --slab.in_use;
  std::uint32_t &from = was_full ? node.full : node.partial;
  page_list::remove(source_, from, slab);
  page_list::push(source_, slab.in_use == 0 ? node.free : node.partial, slab);
  if (slab.in_use == 0) ++node.free_slabs;
}

bool ArraySlab::grow(Gfp gfp) {
  KernelPage *slab = slab_frames::take(cache_, gfp, source_.local_node());
  if (slab == nullptr) return false;
  const SlabLayout &layout = cache_.layout();
  std::byte *base = source_.address(*slab);
  std::uintptr_t next = reinterpret_cast<std::uintptr_t>(base) | CpuSlab::kEnd;
  for (std::uint32_t i = layout.objects; i-- > 0;) {
    void *object = base + i * layout.stride;
    if (cache_.spec().constructor != nullptr) cache_.spec().constructor(object);
    link_of(object) = next ^ cache_.key();
    next = reinterpret_cast<std::uintptr_t>(object);
  }
  slab->freelist = 0;
  Node &node = nodes_[source_.node(*slab)];
  const LockGuard guard(node.mutex);
  page_list::push(source_, node.free, *slab);
  ++node.free_slabs;
  ++node.slabs;
  return true;
}

// --- arrays

std::uint32_t ArraySlab::refill(Node &node, void **out, std::uint32_t wanted) {
  const LockGuard guard(node.mutex);
  std::uint32_t had = 0;
  for (; had < wanted && !node.shared.empty(); node.shared.pop_back()) out[had++] = node.shared.back();
  while (had < wanted) {
    void *object = take_locked(node);
    if (object == nullptr) break;
    out[had++] = object;
  }
  return had;
}

void ArraySlab::spill(Node &node, void **objects, std::uint32_t count) {
  std::uint32_t doomed = 0;
  {
    const LockGuard guard(node.mutex);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (node.shared.size() < std::size_t{batch_} * kSharedBatches)
        node.shared.push_back(objects[i]);
      else
        put_locked(node, objects[i]);
    }
    for (; node.free_slabs > kKeptFreeSlabs; --node.free_slabs, --node.slabs)
      page_list::push(source_, doomed, *page_list::pop(source_, node.free));
  }
  while (KernelPage *slab = page_list::pop(source_, doomed)) slab_frames::give(cache_, *slab);
}

void *ArraySlab::take_from_any_node() {
  void *object = nullptr;
  for (unsigned i = 0; i < source_.nodes(); ++i)
    if (refill(nodes_[(source_.local_node() + i) % source_.nodes()], &object, 1) != 0) return object;
  return nullptr;
}

void *ArraySlab::take_from_cpu(unsigned slot, bool &refused) {
  Cpu &cpu = cpus_[slot];
  enter(cpu);
  prepare(cpu, slot);
  if (cpu.available == 0) refused = failpoint::slab_allocation.fails();
  if (cpu.available == 0 && !refused) cpu.available = refill(nodes_[source_.local_node()], cpu.objects.get(), batch_);
  void *object = cpu.available == 0 ? nullptr : cpu.objects[--cpu.available];
  cpu.lock.leave();
  return object;
}

void *ArraySlab::allocate(Gfp gfp, const void * /*caller*/) {
  const unsigned slot = cpu_slot();
  void *object = nullptr;
  bool refused = false;
  while (object == nullptr && !refused) {
    object = slot == kNoCpuSlot ? take_from_any_node() : take_from_cpu(slot, refused);
    if (object != nullptr || refused) break;
    if (grow(source_.nodes() > 1 ? gfp | Gfp::ThisNode : gfp)) continue;
    // The other nodes at last: what their slabs have, then their memory.
    object = take_from_any_node();
    if (object != nullptr) break;
    if (source_.nodes() == 1 || !grow(gfp)) break;
    object = take_from_any_node(); // at once: to grow again may shrink it away
  }
  if (object != nullptr) link_of(object) = 0;
  return object;
}

bool ArraySlab::check(void *object, const void *caller) {
  Misuse why{};
  KernelPage *slab = slab_frames::find(cache_, object, why);
  const auto address = reinterpret_cast<std::uintptr_t>(object);
  const std::uintptr_t base = slab == nullptr ? 0 : reinterpret_cast<std::uintptr_t>(source_.address(*slab));
  if (slab == nullptr || cache_.layout().index(address - base) >= cache_.layout().objects) {
    cache_.misused(why, object, caller);
    return false;
  }
  if ((link_of(object) ^ cache_.key()) - base < cache_.layout().bytes()) {
    cache_.misused(Misuse::DoubleFree, object, caller);
    return false;
  }
  return true;
}

void ArraySlab::free(void *object, const void *caller) {
  if (object == nullptr || !check(object, caller)) return;
  link_of(object) = (base_of(object) | CpuSlab::kEnd) ^ cache_.key();
  const NodeId home = source_.node(source_.page(object));
  const unsigned slot = cpu_slot();
  // An object of another node goes there: an array gives out local memory alone.
  if (slot == kNoCpuSlot || home != source_.local_node()) {
    spill(nodes_[home], &object, 1);
    return;
  }
  Cpu &cpu = cpus_[slot];
  enter(cpu);
  prepare(cpu, slot);
  if (cpu.available == limit_) {
    // The ones that have been there longest are the coldest.
    spill(nodes_[home], cpu.objects.get(), batch_);
    std::move(cpu.objects.get() + batch_, cpu.objects.get() + limit_, cpu.objects.get());
    cpu.available -= batch_;
  }
  cpu.objects[cpu.available++] = object;
  cpu.lock.leave();
}

// --- visits

template <class OnCpu, class OnNode> void ArraySlab::visit_all(OnCpu &&on_cpu, OnNode &&on_node) {
  const LockGuard visiting(visitors_);
  for (std::uint64_t cpus = touched_.load(std::memory_order_relaxed); cpus != 0; cpus &= cpus - 1) {
    Cpu &cpu = cpus_[std::countr_zero(cpus)];
    cpu.lock.begin_visit();
    on_cpu(cpu);
    cpu.lock.end_visit();
  }
  for (unsigned i = 0; i < source_.nodes(); ++i) {
    const LockGuard guard(nodes_[i].mutex);
    on_node(nodes_[i]);
  }
}

std::uint64_t ArraySlab::shrink() {
  std::uint32_t doomed = 0;
  std::uint64_t frames = 0;
  visit_all(
      [&](Cpu &cpu) {
        for (; cpu.available != 0; --cpu.available) {
          void *object = cpu.objects[cpu.available - 1];
          Node &node = nodes_[source_.node(source_.page(object))];
          const LockGuard guard(node.mutex);
          put_locked(node, object);
        }
      },
      [&](Node &node) PAGODA_NO_THREAD_SAFETY_ANALYSIS {
        for (; !node.shared.empty(); node.shared.pop_back()) put_locked(node, node.shared.back());
        for (; node.free != 0; --node.free_slabs, --node.slabs) {
          page_list::push(source_, doomed, *page_list::pop(source_, node.free));
          frames += 1ull << cache_.layout().order;
        }
      });
  while (KernelPage *slab = page_list::pop(source_, doomed)) slab_frames::give(cache_, *slab);
  return frames;
}

void ArraySlab::count(CacheFigures &figures) {
  figures.array_limit = limit_;
  figures.array_batch = batch_;
  std::uint64_t in_arrays = 0;
  std::uint64_t in_use = 0;
  visit_all([&](const Cpu &cpu) { in_arrays += cpu.available; },
            [&](const Node &node) PAGODA_NO_THREAD_SAFETY_ANALYSIS {
              in_arrays += node.shared.size();
              figures.shared_objects += node.shared.size();
              figures.total_slabs += node.slabs;
              figures.active_slabs += node.slabs - node.free_slabs;
              page_list::for_each(source_, node.partial, [&](const KernelPage &slab) {
                in_use += slab.in_use;
                ++figures.partial_slabs;
              });
              page_list::for_each(source_, node.full, [&](const KernelPage &slab) { in_use += slab.in_use; });
            });
  figures.active_objects = in_use - std::min(in_use, in_arrays);
  figures.total_objects = figures.total_slabs * cache_.layout().objects;
}

std::string ArraySlab::invariant() {
  std::string wrong;
  const auto check_list = [&](std::uint32_t head, auto &&holds, const char *what) {
    page_list::for_each(source_, head, [&](const KernelPage &slab) {
      std::uint32_t length = 0;
      const auto base = reinterpret_cast<std::uintptr_t>(source_.address(slab));
      for (std::uintptr_t at = slab.freelist == KernelPage::kNone ? CpuSlab::kEnd : base + slab.freelist;
           (at & CpuSlab::kEnd) == 0 && length <= cache_.layout().objects;
           at = link_of(reinterpret_cast<void *>(at)) ^ cache_.key())
        ++length;
      if (slab.in_use + length != cache_.layout().objects) wrong = "objects in use are miscounted in " + cache_.name();
      if (!holds(slab.in_use)) wrong = what + cache_.name();
    });
  };
  const std::uint32_t all = cache_.layout().objects;
  visit_all(
      [&](const Cpu &cpu) {
        if (cpu.available > limit_) wrong = "an array of " + cache_.name() + " overflows";
      },
      [&](const Node &node) PAGODA_NO_THREAD_SAFETY_ANALYSIS {
        check_list(node.partial, [&](unsigned used) { return used != 0 && used < all; }, "not partial: ");
        check_list(node.full, [&](unsigned used) { return used == all; }, "not full: ");
        check_list(node.free, [&](unsigned used) { return used == 0; }, "not free: ");
      });
  return wrong;
}

void ArraySlab::for_each_live(const std::function<void(const LiveObject &)> &visit) {
  // A free object's link leads into its slab or is its end mark; see the header.
  const SlabLayout &layout = cache_.layout();
  const auto each = [&](const KernelPage &slab) {
    std::byte *base = source_.address(slab);
    for (std::uint32_t i = 0; i < layout.objects; ++i) {
      std::byte *object = base + i * layout.stride;
      if ((link_of(object) ^ cache_.key()) - reinterpret_cast<std::uintptr_t>(base) >= layout.bytes())
        visit({.address = object});
    }
  };
  visit_all([](const Cpu &) {},
            [&](const Node &node) PAGODA_NO_THREAD_SAFETY_ANALYSIS {
              page_list::for_each(source_, node.partial, each);
              page_list::for_each(source_, node.full, each);
            });
}

} // namespace pagoda::phys
