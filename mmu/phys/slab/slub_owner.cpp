// What a CPU does with the slabs that it owns, all inside its lock.
#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/phys/slab/slub.hpp"

namespace pagoda::phys {

namespace {

// Slabs with free objects that a CPU takes from its node at a time.
constexpr std::uint32_t kPartialBatch = 4;

} // namespace

void Slub::enter(CpuSlab &cpu) {
  while (!cpu.lock.try_enter()) {
    // A visitor is inside: it holds this until it has left.
    const LockGuard wait(visitors_);
  }
}

std::uintptr_t Slub::pop(CpuSlab &cpu) const {
  const std::uintptr_t object = cpu.freelist;
  if ((object & CpuSlab::kEnd) != 0) return 0;
  Link &link = Cache::link_at(object, cache_.layout().link);
  cpu.freelist = link ^ cache_.key();
  link = 0;
  return object;
}

// --- the current slab

void Slub::make_current(CpuSlab &cpu, KernelPage &slab) const {
  cpu.base = base_of(slab);
  cpu.objects = cache_.layout().objects;
  cpu.freelist = first_free(slab);
  slab.freelist = KernelPage::kNone;
  slab.in_use = std::uint16_t(cpu.objects);
}

void Slub::retire_current(CpuSlab &cpu) {
  if (cpu.objects == 0) return;
  KernelPage &slab = source_.page(reinterpret_cast<void *>(cpu.base));
  const std::uint32_t left = length_of(cpu.freelist);
  if (left != 0) {
    // Its own free list is empty: refill empties it first, and frees to the current slab go to the CPU's.
    slab.freelist = std::uint32_t(cpu.freelist - cpu.base);
    slab.in_use = std::uint16_t(slab.in_use - left);
  }
  cpu.freelist = CpuSlab::kEnd;
  cpu.base = 0;
  cpu.objects = 0;
  if (left != 0)
    adopt_partial(cpu, slab);
  else
    page_list::push(source_, cpu.full, slab);
}

bool Slub::refill(CpuSlab &cpu, unsigned slot, Doomed &doomed) {
  if (cpu.objects != 0) {
    KernelPage &slab = source_.page(reinterpret_cast<void *>(cpu.base));
    if (collect(slab, false) != 0) {
      make_current(cpu, slab);
      return true;
    }
    retire_current(cpu);
  }
  if (cpu.notified.load(std::memory_order_relaxed) != 0) drain_notified(cpu, doomed);
  if (cpu.partial.first == 0 && !claim_from_node(cpu, slot)) return false;
  KernelPage &slab = source_.page(cpu.partial.first);
  drop_partial(cpu, slab);
  make_current(cpu, slab);
  return true;
}

// --- partial and full slabs

void Slub::adopt_partial(CpuSlab &cpu, KernelPage &slab) {
  page_list::push(source_, cpu.partial, slab);
  if (slab.in_use == 0) ++cpu.empty_slabs;
}

void Slub::drop_partial(CpuSlab &cpu, KernelPage &slab) {
  page_list::remove(source_, cpu.partial, slab);
  if (slab.in_use == 0) --cpu.empty_slabs;
}

void Slub::free_owned(CpuSlab &cpu, KernelPage &slab, std::uintptr_t object, Doomed &doomed) {
  Link &link = Cache::link_at(object, cache_.layout().link);
  if (is_current(cpu, slab)) {
    link = cpu.freelist ^ cache_.key();
    cpu.freelist = object;
    return;
  }
  const bool was_full = slab.freelist == KernelPage::kNone;
  link = first_free(slab) ^ cache_.key();
  slab.freelist = std::uint32_t(object - base_of(slab));
  --slab.in_use;
  settle(cpu, slab, was_full, doomed);
}

void Slub::settle(CpuSlab &cpu, KernelPage &slab, bool was_full, Doomed &doomed) {
  if (was_full) {
    page_list::remove(source_, cpu.full, slab);
    page_list::append(source_, cpu.partial, slab);
  }
  if (slab.in_use != 0) return;
  ++cpu.empty_slabs;
  if (cpu.empty_slabs > keep_empty_) give_up(cpu, slab, doomed);
}

// --- frees by others

std::uint32_t Slub::collect(KernelPage &slab, bool dequeue) const {
  std::uint64_t word = slab.remote.load(std::memory_order_relaxed);
  RemoteFrees before;
  do {
    before = RemoteFrees::unpack(word);
    if (before.head == RemoteFrees::kNone && !(dequeue && before.queued)) return 0;
    const RemoteFrees after{.owner = before.owner, .queued = before.queued && !dequeue};
    if (slab.remote.compare_exchange_weak(word, after.pack(), std::memory_order_acq_rel, std::memory_order_relaxed))
      break;
  } while (true);
  if (before.count == 0) return 0;
  if (slab.freelist != KernelPage::kNone) {
    // The list joins in front of what is free already.
    std::uintptr_t last = base_of(slab) + before.head;
    for (std::uintptr_t next = next_free(last); (next & CpuSlab::kEnd) == 0; next = next_free(last)) last = next;
    Cache::link_at(last, cache_.layout().link) = first_free(slab) ^ cache_.key();
  }
  slab.freelist = before.head;
  slab.in_use = std::uint16_t(slab.in_use - before.count);
  return before.count;
}

// There is no current slab: each one is on a list of this CPU.
void Slub::drain_notified(CpuSlab &cpu, Doomed &doomed) {
  std::uint32_t at = cpu.notified.exchange(0, std::memory_order_acquire);
  while (at != 0) {
    KernelPage &slab = source_.page(at);
    at = slab.notified; // before the slab can be queued again
    const bool was_full = slab.freelist == KernelPage::kNone;
    const bool was_empty = slab.in_use == 0;
    const std::uint32_t had = collect(slab, true);
    if (had == 0 && !was_empty) continue;
    if (was_empty) --cpu.empty_slabs; // counted again below: it could not go while it was queued
    settle(cpu, slab, was_full && had != 0, doomed);
  }
}

// --- to and from the node

bool Slub::disown(KernelPage &slab) const {
  std::uint64_t word = slab.remote.load(std::memory_order_relaxed);
  const RemoteFrees now = RemoteFrees::unpack(word);
  if (now.queued || now.head != RemoteFrees::kNone) return false;
  return slab.remote.compare_exchange_strong(word, RemoteFrees{}.pack(), std::memory_order_acq_rel);
}

// Off the CPU's partial list: to the node, or back to the frame source when the node has its share of
// empty slabs. It stays when a remote free is on its way.
void Slub::give_up(CpuSlab &cpu, KernelPage &slab, Doomed &doomed) {
  Node &node = node_of(slab);
  const LockGuard guard(node.mutex);
  if (!disown(slab)) return;
  drop_partial(cpu, slab);
  if (slab.in_use == 0 && node.empty_slabs >= keep_empty_)
    page_list::push(source_, doomed, slab);
  else
    put_on_node_locked(node, slab);
}

bool Slub::claim_from_node(CpuSlab &cpu, unsigned slot) {
  Node &node = nodes_[source_.local_node()];
  const LockGuard guard(node.mutex);
  for (std::uint32_t i = 0; i < kPartialBatch; ++i) {
    KernelPage *slab = page_list::pop(source_, node.partial);
    if (slab == nullptr) break;
    if (slab->in_use == 0) --node.empty_slabs;
    slab->remote.store(RemoteFrees{.owner = std::uint8_t(slot)}.pack(), std::memory_order_release);
    adopt_partial(cpu, *slab);
  }
  if (cpu.partial.first == 0) return false;
  touched_.fetch_or(1ull << slot, std::memory_order_relaxed);
  return true;
}

void Slub::flush(CpuSlab &cpu, Doomed &doomed) {
  retire_current(cpu);
  drain_notified(cpu, doomed);
  page_list::for_each(source_, cpu.partial.first, [&](KernelPage &slab) {
    const bool was_empty = slab.in_use == 0;
    collect(slab, false);
    if (slab.in_use == 0 && !was_empty) ++cpu.empty_slabs;
    give_up(cpu, slab, doomed);
  });
  page_list::for_each(source_, cpu.full, [&](KernelPage &slab) {
    Node &node = node_of(slab);
    const LockGuard guard(node.mutex);
    if (!disown(slab)) return;
    page_list::remove(source_, cpu.full, slab);
    put_on_node_locked(node, slab);
  });
}

} // namespace pagoda::phys
