// Frees to slabs that the calling CPU does not own: chained up here, handed over at once.
//
// One compare-and-swap costs as much as ten local frees, and the line that it needs lies with the owner. So a
// CPU keeps the objects that it frees of one foreign slab on a chain of its own until the slab changes or
// the chain is long enough. Until then they count as in use; whoever visits hands them over first.
#include "mmu/phys/slab/page_list.hpp"
#include "mmu/phys/slab/slub.hpp"

namespace pagoda::phys {

void Slub::free_known(KernelPage &slab, std::uintptr_t object, const void * /*caller*/) {
  const unsigned slot = cpu_slot();
  Doomed doomed = 0;
  if (slot == kNoCpuSlot) {
    hand_over(slab, {object, object, 1}, doomed);
  } else {
    CpuSlab &cpu = cache_.cpu(slot);
    enter(cpu);
    // Inside, no slab comes to this CPU or leaves it.
    if (RemoteFrees::owner_of(slab.remote.load(std::memory_order_acquire)) == slot)
      free_owned(cpu, slab, object, doomed);
    else
      defer(cpu, slot, slab, object, doomed);
    cpu.lock.leave();
  }
  if (doomed != 0) release(doomed);
}

void Slub::defer(CpuSlab &cpu, unsigned slot, KernelPage &slab, std::uintptr_t object, Doomed &doomed) {
  PendingFrees &pending = cpu.pending;
  const std::uint32_t number = source_.number(slab);
  const std::uintptr_t base = base_of(slab);
  const auto offset = std::uint32_t(object - base);
  if (pending.count != 0 && pending.slab != number) hand_over_pending(cpu, slot, doomed);
  Link &link = Cache::link_at(object, cache_.layout().link);
  if (pending.count == 0) {
    const std::uint64_t mine = 1ull << slot;
    if ((touched_.load(std::memory_order_relaxed) & mine) == 0) touched_.fetch_or(mine, std::memory_order_relaxed);
    link = (base | CpuSlab::kEnd) ^ cache_.key();
    pending = {.slab = number, .first = offset, .last = offset, .count = 1};
    return;
  }
  link = (base + pending.first) ^ cache_.key();
  pending.first = offset;
  if (++pending.count >= PendingFrees::kMost) hand_over_pending(cpu, slot, doomed);
}

void Slub::hand_over_pending(CpuSlab &cpu, unsigned slot, Doomed &doomed) {
  const PendingFrees pending = cpu.pending;
  cpu.pending = {};
  if (pending.count == 0) return;
  KernelPage &slab = source_.page(pending.slab);
  const std::uintptr_t base = base_of(slab);
  if (RemoteFrees::owner_of(slab.remote.load(std::memory_order_acquire)) != slot)
    return hand_over(slab, {base + pending.first, base + pending.last, pending.count}, doomed);
  // It came to this CPU meanwhile, from its node.
  std::uintptr_t object = base + pending.first;
  for (std::uint32_t i = 0; i < pending.count; ++i) {
    const std::uintptr_t next = next_free(object);
    free_owned(cpu, slab, object, doomed);
    object = next;
  }
}

void Slub::hand_over(KernelPage &slab, const Chain &chain, Doomed &doomed) {
  for (bool done = false; !done;) {
    const std::uint64_t word = slab.remote.load(std::memory_order_acquire);
    done =
        RemoteFrees::owner_of(word) == kNoCpuSlot ? free_on_node(slab, chain, doomed) : push_remote(slab, word, chain);
  }
}

bool Slub::push_remote(KernelPage &slab, std::uint64_t word, const Chain &chain) {
  const RemoteFrees before = RemoteFrees::unpack(word);
  const std::uintptr_t base = base_of(slab);
  const std::uintptr_t next = before.head == RemoteFrees::kNone ? base | CpuSlab::kEnd : base + before.head;
  Cache::link_at(chain.last, cache_.layout().link) = next ^ cache_.key();
  const RemoteFrees after{std::uint32_t(chain.first - base), std::uint16_t(before.count + chain.count), before.owner,
                          true};
  if (!slab.remote.compare_exchange_strong(word, after.pack(), std::memory_order_acq_rel, std::memory_order_acquire))
    return false;
  if (before.queued) return true;
  // The first since the owner last looked. The slab cannot go away before the owner has dequeued it.
  std::atomic<std::uint32_t> &list = cache_.cpu(before.owner).notified;
  std::uint32_t head = list.load(std::memory_order_relaxed);
  do {
    slab.notified = head;
  } while (
      !list.compare_exchange_weak(head, source_.number(slab), std::memory_order_release, std::memory_order_relaxed));
  return true;
}

bool Slub::free_on_node(KernelPage &slab, const Chain &chain, Doomed &doomed) {
  Node &node = node_of(slab);
  const LockGuard guard(node.mutex);
  if (RemoteFrees::owner_of(slab.remote.load(std::memory_order_acquire)) != kNoCpuSlot) return false;
  const bool was_full = slab.freelist == KernelPage::kNone;
  Cache::link_at(chain.last, cache_.layout().link) = first_free(slab) ^ cache_.key();
  slab.freelist = std::uint32_t(chain.first - base_of(slab));
  slab.in_use = std::uint16_t(slab.in_use - chain.count);
  if (was_full) {
    page_list::remove(source_, node.full, slab);
    page_list::push(source_, node.partial, slab);
  }
  if (slab.in_use != 0) return true;
  if (node.empty_slabs < keep_empty_) {
    ++node.empty_slabs;
    return true;
  }
  page_list::remove(source_, node.partial, slab);
  page_list::push(source_, doomed, slab);
  return true;
}

// Whatever every CPU holds back goes where it belongs.
void Slub::hand_over_all(Doomed &doomed) {
  visit_cpus([&](CpuSlab &cpu, unsigned slot) { hand_over_pending(cpu, slot, doomed); });
}

} // namespace pagoda::phys
