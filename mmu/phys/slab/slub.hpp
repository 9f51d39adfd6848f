// SLUB's shape: the slow paths behind the local path of Cache.
//
// A slab is owned by one CPU or by its node.
//  - Its owner CPU keeps it as the current slab, or on its `partial` or `full` list, and frees to it
//    without a lock or an atomic.
//  - Every other CPU chains up the objects that it frees of one slab and pushes the chain on the slab's
//    remote list by compare-and-swap; the first chain queues the slab with the owner, which collects the
//    whole list at once when its own free lists run dry (after Leijen, Zorn, de Moura: "Mimalloc: free
//    list sharding in action", 2019, which pushes each object).
//  - What the node has is guarded by the node's lock: slabs that a CPU has emptied beyond its share,
//    and those of threads without a slot.
//
// Invariants: a slab's `in_use` plus the length of its free list is the number of its objects (those
// on a chain, on the remote list, and on the CPU's own free list count as in use); owner and remote list change in
// one word; a slab that is queued, or about to be, keeps its owner and is not freed; owner changes
// between a CPU and the node happen under the node's lock.
#pragma once

#include <array>
#include <bit>
#include <memory>

#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/cache.hpp"

namespace pagoda::phys {

class Slub final : public CachePolicy {
public:
  explicit Slub(Cache &cache);
  ~Slub() override; // whatever is not in use goes back

  [[nodiscard]] void *allocate(Gfp gfp, const void *caller) override;
  void free(void *object, const void *caller) override;
  void free_known(KernelPage &slab, std::uintptr_t object, const void *caller) override;
  std::uint64_t shrink() override;
  void count(CacheFigures &figures) override;
  [[nodiscard]] std::string invariant() override;
  // Free objects are known by the lists; the others are in use. Nothing else uses the cache meanwhile.
  void for_each_live(const std::function<void(const LiveObject &)> &visit) override;

private:
  struct Node {
    Mutex mutex;
    std::uint32_t partial PAGODA_GUARDED_BY(mutex) = 0;
    std::uint32_t full PAGODA_GUARDED_BY(mutex) = 0;
    std::uint32_t empty_slabs PAGODA_GUARDED_BY(mutex) = 0;
  };
  // Slabs to give back once no lock is held, linked by `next`.
  using Doomed = std::uint32_t;

  // --- what a slab says
  [[nodiscard]] std::uintptr_t base_of(const KernelPage &slab) const;
  [[nodiscard]] bool is_current(const CpuSlab &cpu, const KernelPage &slab) const;
  [[nodiscard]] std::uintptr_t first_free(const KernelPage &slab) const; // or its end mark
  [[nodiscard]] std::uintptr_t next_free(std::uintptr_t object) const;
  [[nodiscard]] std::uint32_t length_of(std::uintptr_t first) const; // of a free list
  void build(KernelPage &slab, std::uint8_t owner) const;            // constructs and links all objects

  // --- the owner's side, inside `cpu.lock` (slub_owner.cpp)
  void enter(CpuSlab &cpu);
  [[nodiscard]] std::uintptr_t pop(CpuSlab &cpu) const; // 0: the free list is empty
  [[nodiscard]] bool refill(CpuSlab &cpu, unsigned slot, Doomed &doomed);
  void make_current(CpuSlab &cpu, KernelPage &slab) const;
  void retire_current(CpuSlab &cpu);
  void adopt_partial(CpuSlab &cpu, KernelPage &slab);
  void drop_partial(CpuSlab &cpu, KernelPage &slab);
  void free_owned(CpuSlab &cpu, KernelPage &slab, std::uintptr_t object, Doomed &doomed);
  // Takes the remote list of a slab onto its free list; how many objects that were.
  std::uint32_t collect(KernelPage &slab, bool dequeue) const;
  void drain_notified(CpuSlab &cpu, Doomed &doomed);
  void settle(CpuSlab &cpu, KernelPage &slab, bool was_full, Doomed &doomed); // after frees to it
  [[nodiscard]] bool disown(KernelPage &slab) const;                          // false: a remote free is on its way
  void give_up(CpuSlab &cpu, KernelPage &slab, Doomed &doomed);
  [[nodiscard]] bool claim_from_node(CpuSlab &cpu, unsigned slot);
  void flush(CpuSlab &cpu, Doomed &doomed);

  // Every CPU that has ever had a slab or freed to one, its owner outside meanwhile.
  template <class Visit> void visit_cpus(Visit visit) PAGODA_REQUIRES(visitors_) {
    for (std::uint64_t cpus = touched_.load(std::memory_order_relaxed); cpus != 0; cpus &= cpus - 1) {
      const auto slot = unsigned(std::countr_zero(cpus));
      CpuSlab &cpu = cache_.cpu(slot);
      cpu.lock.begin_visit();
      visit(cpu, slot);
      cpu.lock.end_visit();
    }
  }

  // --- everybody else's side (slub_remote.cpp)
  // Free objects of one slab, linked from the first to the last.
  struct Chain {
    std::uintptr_t first, last;
    std::uint32_t count;
  };
  // Inside `cpu.lock`, as its owner or a visitor.
  void defer(CpuSlab &cpu, unsigned slot, KernelPage &slab, std::uintptr_t object, Doomed &doomed);
  void hand_over_pending(CpuSlab &cpu, unsigned slot, Doomed &doomed);
  void hand_over(KernelPage &slab, const Chain &chain, Doomed &doomed);
  // False: the owner is another one now, or its list has changed.
  [[nodiscard]] bool push_remote(KernelPage &slab, std::uint64_t word, const Chain &chain);
  [[nodiscard]] bool free_on_node(KernelPage &slab, const Chain &chain, Doomed &doomed);
  void hand_over_all(Doomed &doomed) PAGODA_REQUIRES(visitors_);

  // --- the node's side
  void put_on_node_locked(Node &node, KernelPage &slab) PAGODA_REQUIRES(node.mutex);
  [[nodiscard]] void *allocate_on_node(Gfp gfp);
  [[nodiscard]] void *take_from_any_node(); // null: no node has a free object
  [[nodiscard]] void *take_locked(Node &node) PAGODA_REQUIRES(node.mutex);
  void take_empty(Node &node, Doomed &doomed);
  std::uint64_t release(Doomed doomed);
  [[nodiscard]] KernelPage *check(void *object, const void *caller);
  [[nodiscard]] Node &node_of(const KernelPage &slab) { return nodes_[source_.node(slab)]; }

  // --- for figures and checks (slub_figures.cpp): every slab, with its first free objects: its own
  // list, the remote one, and the CPU's. The lists stand still meanwhile, save that remote ones grow.
  struct FreeLists {
    std::uintptr_t own, remote, cpu;
    [[nodiscard]] std::array<std::uintptr_t, 3> all() const { return {own, remote, cpu}; }
  };
  using SlabVisit = std::function<void(const KernelPage &, const FreeLists &)>;
  void for_each_slab(const SlabVisit &visit);
  [[nodiscard]] FreeLists lists_of(const KernelPage &slab, std::uintptr_t cpu = CpuSlab::kEnd) const;
  [[nodiscard]] std::string check_slab(const KernelPage &slab, const FreeLists &lists) const;

  Cache &cache_;
  FrameSource &source_;
  const std::uint32_t keep_empty_;        // slabs without an object in use that a CPU, and a node, keeps
  Mutex visitors_;                        // outside the node's lock; held while another CPU's slabs are visited
  std::atomic<std::uint64_t> touched_{0}; // CPUs that have ever had a slab, or freed to another's
  std::atomic<std::uint64_t> slabs_{0};
  std::unique_ptr<Node[]> nodes_;
};

} // namespace pagoda::phys
