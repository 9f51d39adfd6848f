// SLAB's shape: an array of free objects per CPU, one per node that the CPUs share, and slabs on
// full, partial and free lists behind them (Bonwick 1994; Bonwick and Adams 2001, magazines).
//
// An object in an array is free as far as its user goes and in use as far as its slab goes. Its link
// holds the end mark meanwhile, so that a second free is found there too.
//
// Invariants: as Slub's for each slab; an array's CPU alone uses it, inside its lock.
#pragma once

#include <memory>
#include <vector>

#include "mmu/base/biased_lock.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/slab/cache.hpp"

namespace pagoda::phys {

class ArraySlab final : public CachePolicy {
public:
  explicit ArraySlab(Cache &cache);
  ~ArraySlab() override;

  [[nodiscard]] void *allocate(Gfp gfp, const void *caller) override;
  void free(void *object, const void *caller) override;
  std::uint64_t shrink() override;
  void count(CacheFigures &figures) override;
  [[nodiscard]] std::string invariant() override;
  void for_each_live(const std::function<void(const LiveObject &)> &visit) override;

private:
  struct alignas(64) Cpu {
    BiasedLock lock;
    std::uint32_t available = 0;
    std::unique_ptr<void *[]> objects; // `limit_` of them, made when first needed
  };
  struct Node {
    Mutex mutex;
    std::uint32_t partial PAGODA_GUARDED_BY(mutex) = 0;
    std::uint32_t full PAGODA_GUARDED_BY(mutex) = 0;
    std::uint32_t free PAGODA_GUARDED_BY(mutex) = 0;
    std::uint32_t free_slabs PAGODA_GUARDED_BY(mutex) = 0;
    std::uint64_t slabs PAGODA_GUARDED_BY(mutex) = 0;
    std::vector<void *> shared PAGODA_GUARDED_BY(mutex);
  };

  void enter(Cpu &cpu);
  void prepare(Cpu &cpu, unsigned slot); // before its first object
  [[nodiscard]] void *take_from_any_node();
  [[nodiscard]] void *take_from_cpu(unsigned slot, bool &refused);
  [[nodiscard]] std::uint32_t refill(Node &node, void **out, std::uint32_t wanted);
  [[nodiscard]] void *take_locked(Node &node) PAGODA_REQUIRES(node.mutex); // null: no slab has one
  void put_locked(Node &node, void *object) PAGODA_REQUIRES(node.mutex);
  void spill(Node &node, void **objects, std::uint32_t count);
  [[nodiscard]] bool grow(Gfp gfp);
  [[nodiscard]] bool check(void *object, const void *caller);
  // Runs `visit` with every CPU's array and then with each node locked.
  template <class OnCpu, class OnNode> void visit_all(OnCpu &&on_cpu, OnNode &&on_node);
  [[nodiscard]] Link &link_of(void *object) const {
    return Cache::link_at(reinterpret_cast<std::uintptr_t>(object), cache_.layout().link);
  }
  [[nodiscard]] std::uintptr_t base_of(const void *object) const;

  Cache &cache_;
  FrameSource &source_;
  const std::uint32_t limit_;             // objects of a CPU's array
  const std::uint32_t batch_;             // objects that move between arrays at a time
  Mutex visitors_;                        // outside the nodes' locks
  std::atomic<std::uint64_t> touched_{0}; // CPUs that have an array
  std::unique_ptr<Cpu[]> cpus_;
  std::unique_ptr<Node[]> nodes_;
};

} // namespace pagoda::phys
