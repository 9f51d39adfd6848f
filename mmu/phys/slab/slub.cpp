#include "mmu/phys/slab/slub.hpp"

#include <algorithm>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slab_frames.hpp"
#include "mmu/phys/slab/slab_site.hpp"

namespace pagoda::phys {

namespace {

// Up to 256 KiB of slabs without an object in use stay with a CPU: giving a slab back and taking it
// again costs as much as some hundred local frees.
std::uint32_t empty_share(const SlabLayout &layout) {
  return std::uint32_t(std::clamp<std::size_t>((256u << 10) / layout.bytes(), 1, 64));
}

} // namespace

Slub::Slub(Cache &cache)
    : cache_(cache), source_(cache.registry().source()), keep_empty_(empty_share(cache.layout())),
      nodes_(std::make_unique<Node[]>(source_.nodes())) {}

Slub::~Slub() { shrink(); }

// --- what a slab says

std::uintptr_t Slub::base_of(const KernelPage &slab) const {
  return reinterpret_cast<std::uintptr_t>(source_.address(slab));
}

bool Slub::is_current(const CpuSlab &cpu, const KernelPage &slab) const {
  return cpu.objects != 0 && cpu.base == base_of(slab);
}

std::uintptr_t Slub::first_free(const KernelPage &slab) const {
  return slab.freelist == KernelPage::kNone ? base_of(slab) | CpuSlab::kEnd : base_of(slab) + slab.freelist;
}

std::uintptr_t Slub::next_free(std::uintptr_t object) const {
  return Cache::link_at(object, cache_.layout().link) ^ cache_.key();
}

std::uint32_t Slub::length_of(std::uintptr_t first) const {
  std::uint32_t length = 0;
  for (; (first & CpuSlab::kEnd) == 0 && length <= cache_.layout().objects; first = next_free(first)) ++length;
  return length;
}

void Slub::build(KernelPage &slab, std::uint8_t owner) const {
  const SlabLayout &layout = cache_.layout();
  const std::uintptr_t base = base_of(slab);
  std::uintptr_t next = base | CpuSlab::kEnd;
  for (std::uint32_t i = layout.objects; i-- > 0;) {
    const std::uintptr_t object = base + i * layout.stride;
    if (cache_.spec().constructor != nullptr) cache_.spec().constructor(reinterpret_cast<void *>(object));
    Cache::link_at(object, layout.link) = next ^ cache_.key();
    next = object;
  }
  slab.freelist = 0;
  slab.in_use = 0;
  slab.remote.store(RemoteFrees{.owner = owner}.pack(), std::memory_order_release);
}

// --- allocation

void *Slub::allocate(Gfp gfp, const void * /*caller*/) {
  if (failpoint::slab_allocation.fails()) return nullptr;
  const unsigned slot = cpu_slot();
  if (slot == kNoCpuSlot) return allocate_on_node(gfp);
  CpuSlab &cpu = cache_.cpu(slot);
  for (;;) {
    Doomed doomed = 0;
    enter(cpu);
    std::uintptr_t object = pop(cpu);
    if (object == 0 && refill(cpu, slot, doomed)) object = pop(cpu);
    cpu.lock.leave();
    if (doomed != 0) release(doomed);
    if (object != 0) return reinterpret_cast<void *>(object);

    // With no lock held: the frame source may reclaim, and that may visit this very CPU.
    KernelPage *slab = slab_frames::take(cache_, gfp, source_.local_node());
    if (slab == nullptr) return take_from_any_node(); // what the other nodes have, at last
    build(*slab, std::uint8_t(slot));
    slabs_.fetch_add(1, std::memory_order_relaxed);
    enter(cpu);
    touched_.fetch_or(1ull << slot, std::memory_order_relaxed);
    adopt_partial(cpu, *slab);
    cpu.lock.leave();
  }
}

void *Slub::allocate_on_node(Gfp gfp) {
  for (;;) {
    if (void *object = take_from_any_node()) return object;
    KernelPage *slab = slab_frames::take(cache_, gfp, source_.local_node());
    if (slab == nullptr) return nullptr;
    build(*slab, kNoCpuSlot);
    slabs_.fetch_add(1, std::memory_order_relaxed);
    Node &node = node_of(*slab);
    const LockGuard guard(node.mutex);
    put_on_node_locked(node, *slab);
  }
}

void *Slub::take_from_any_node() {
  for (unsigned i = 0; i < source_.nodes(); ++i) {
    Node &node = nodes_[(source_.local_node() + i) % source_.nodes()];
    const LockGuard guard(node.mutex);
    if (node.partial != 0) return take_locked(node);
  }
  return nullptr;
}

void *Slub::take_locked(Node &node) {
  KernelPage &slab = source_.page(node.partial);
  const std::uintptr_t object = first_free(slab);
  const std::uintptr_t next = next_free(object);
  if (slab.in_use++ == 0) --node.empty_slabs;
  slab.freelist = (next & CpuSlab::kEnd) != 0 ? KernelPage::kNone : std::uint32_t(next - base_of(slab));
  Cache::link_at(object, cache_.layout().link) = 0;
  if (slab.freelist == KernelPage::kNone) {
    page_list::remove(source_, node.partial, slab);
    page_list::push(source_, node.full, slab);
  }
  return reinterpret_cast<void *>(object);
}

// --- freeing

KernelPage *Slub::check(void *object, const void *caller) {
  Misuse why{};
  KernelPage *slab = slab_frames::find(cache_, object, why);
  const auto address = reinterpret_cast<std::uintptr_t>(object);
  if (slab != nullptr && cache_.layout().index(address - base_of(*slab)) >= cache_.layout().objects) slab = nullptr;
  if (slab == nullptr) {
    cache_.misused(why, object, caller);
    return nullptr;
  }
  if (next_free(address) - base_of(*slab) < cache_.layout().bytes()) {
    cache_.misused(Misuse::DoubleFree, object, caller);
    return nullptr;
  }
  return slab;
}

void Slub::free(void *object, const void *caller) {
  if (object == nullptr) return;
  if (KernelPage *slab = check(object, caller)) free_known(*slab, reinterpret_cast<std::uintptr_t>(object), caller);
}

void Slub::put_on_node_locked(Node &node, KernelPage &slab) {
  if (slab.freelist == KernelPage::kNone) {
    page_list::push(source_, node.full, slab);
    return;
  }
  page_list::push(source_, node.partial, slab);
  if (slab.in_use == 0) ++node.empty_slabs;
}

// --- giving back

std::uint64_t Slub::release(Doomed doomed) {
  std::uint64_t frames = 0;
  while (KernelPage *slab = page_list::pop(source_, doomed)) {
    frames += 1ull << slab->order;
    slabs_.fetch_sub(1, std::memory_order_relaxed);
    slab_frames::give(cache_, *slab);
  }
  return frames;
}

void Slub::take_empty(Node &node, Doomed &doomed) {
  const LockGuard guard(node.mutex);
  for (std::uint32_t at = node.partial; at != 0;) {
    KernelPage &slab = source_.page(at);
    at = slab.next;
    if (slab.in_use != 0) continue;
    page_list::remove(source_, node.partial, slab);
    --node.empty_slabs;
    page_list::push(source_, doomed, slab);
  }
}

std::uint64_t Slub::shrink() {
  Doomed doomed = 0;
  {
    const LockGuard visiting(visitors_);
    hand_over_all(doomed);
    visit_cpus([&](CpuSlab &cpu, unsigned) { flush(cpu, doomed); });
    for (unsigned i = 0; i < source_.nodes(); ++i) take_empty(nodes_[i], doomed);
  }
  return release(doomed);
}

} // namespace pagoda::phys
