// The caches of one kernel arena, on one list: creation by name with merging of like caches, their
// figures, the shrinkers, and what becomes of misuse.
//
// Locks: `mutex_` guards the list; it is outside every lock of a cache, and not held while a shrinker
// runs. Each cache's own locks come before the frame source's.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/frame_source.hpp"
#include "mmu/phys/slab/cache.hpp"
#include "mmu/phys/slab/shrinker.hpp"

namespace pagoda::phys {

// Every check in debug builds, none else.
[[nodiscard]] constexpr CacheFlags default_checks() {
#ifdef NDEBUG
  return CacheFlags::None;
#else
  return CacheFlags::AllChecks;
#endif
}

struct SlabOptions {
  SlabPolicy policy = SlabPolicy::Slub;
  CacheFlags checks = default_checks(); // of every cache
  bool merge = true;
};

// Misuse as it is reported.
struct MisuseReport {
  Misuse kind = Misuse::WildFree;
  std::string cache;
  const void *object = nullptr;
  const void *caller = nullptr;
  std::string detail; // who allocated and freed it before, where that is tracked
};
[[nodiscard]] std::string to_string(const MisuseReport &report);

// Frames in slabs, for meminfo.
struct SlabTotals {
  std::uint64_t reclaimable = 0;
  std::uint64_t unreclaimable = 0;
};

class SlobHeap;

class SlabRegistry {
public:
  static constexpr std::size_t kMaxCaches = 1024;

  explicit SlabRegistry(FrameSource &source, SlabOptions options = {});
  ~SlabRegistry(); // nothing is in use any more
  SlabRegistry(const SlabRegistry &) = delete;
  SlabRegistry &operator=(const SlabRegistry &) = delete;

  // A like cache may be shared (merging), save under NoMerge, checks or a constructor. Invalid: no
  // name, or a size or alignment out of range; Exists: the name is taken; OutOfMemory: too many.
  Result<Cache *> create(CacheSpec spec);
  // Busy while objects are in use: nothing happens, and `leaks` names them. NotMapped: no such cache.
  Result<> destroy(Cache *cache);

  [[nodiscard]] std::vector<CacheFigures> figures() const; // in order of creation
  [[nodiscard]] SlabTotals totals() const;
  [[nodiscard]] std::string invariant() const;
  // Objects still in use, one line each as far as they are tracked, else one line a cache.
  [[nodiscard]] std::vector<std::string> leaks() const;
  [[nodiscard]] const SlabOptions &options() const { return options_; }
  [[nodiscard]] FrameSource &source() const { return source_; }

  void register_shrinker(Shrinker &shrinker);
  void unregister_shrinker(Shrinker &shrinker); // it does not run any more when this returns
  // Asks every shrinker for 1/2^priority of its objects, then every cache for its unused slabs; how
  // many frames the caches gave back. Priority 12 is gentle, 0 is everything.
  std::uint64_t shrink(unsigned priority = 0);

  // Without a handler of its own a debug cache prints the report and stops the process.
  void on_misuse(std::function<void(const MisuseReport &)> handler) { on_misuse_ = std::move(handler); }

  // For caches and their policies.
  [[nodiscard]] std::uint64_t secret_for(std::uint16_t id) const; // another for each cache
  [[nodiscard]] Cache *cache(std::uint16_t id) const { return by_id_[id].load(std::memory_order_acquire); }
  void report(const MisuseReport &report, bool debugged);
  // Misuse of an address that is in no cache.
  void refuse(Misuse kind, const char *who, const void *object, const void *caller);
  // Slab frames through here: they are counted, and where memory is short unused slabs are freed first.
  [[nodiscard]] std::byte *take_slab(Order order, Gfp gfp, CacheFlags flags, NodeId node);
  void give_slab(std::byte *slab, Order order, CacheFlags flags);
  [[nodiscard]] SlobHeap &slob() { return *slob_; }
  [[nodiscard]] std::uint64_t wild_frees() const { return wild_frees_.load(std::memory_order_relaxed); }

private:
  [[nodiscard]] Cache *find_like_locked(const CacheSpec &spec, const SlabLayout &layout) const PAGODA_REQUIRES(mutex_);
  [[nodiscard]] bool taken_locked(std::string_view name) const PAGODA_REQUIRES(mutex_);
  [[nodiscard]] std::unique_ptr<CachePolicy> policy_for(Cache &cache);
  [[nodiscard]] std::uint64_t shrink_caches();

  FrameSource &source_;
  const SlabOptions options_;
  const std::uint64_t secret_;
  std::function<void(const MisuseReport &)> on_misuse_;
  std::unique_ptr<SlobHeap> slob_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Cache>> caches_ PAGODA_GUARDED_BY(mutex_);
  std::array<std::atomic<Cache *>, kMaxCaches> by_id_{}; // 0 is nobody's
  Mutex shrinkers_mutex_;                                // held while they run
  std::vector<Shrinker *> shrinkers_ PAGODA_GUARDED_BY(shrinkers_mutex_);
  std::atomic<std::uint64_t> reclaimable_{0};
  std::atomic<std::uint64_t> unreclaimable_{0};
  std::atomic<std::uint64_t> wild_frees_{0}; // of addresses that are in no cache
};

} // namespace pagoda::phys
