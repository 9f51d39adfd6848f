// Single frames of a zone kept at hand for one CPU slot, so that most allocations and frees touch nothing
// that another thread touches (Linux, mm/page_alloc.c: struct per_cpu_pages).
//
// One stack of frame numbers for each mobility, the frame freed last on top, where its contents are
// still in the cache. An empty one is filled with a batch; above the high mark a batch of the coldest goes
// back. The high mark follows the use, as in Linux since 6.7: it grows by a batch with each refill, up to
// an eighth of the zone over all CPUs, and falls back when the zone runs low.
//
// The owner of the slot works under `lock` without an atomic; whoever drains it from outside visits. The
// counts may be read by anybody.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "mmu/base/biased_lock.hpp"
#include "mmu/phys/counter.hpp"
#include "mmu/phys/migratetype.hpp"

namespace pagoda::phys {

// How many frames a list may hold, from the size of its zone.
struct PerCpuLimits {
  std::uint32_t batch = 1;
  std::uint32_t high_min = 4;
  std::uint32_t high_max = 4;
};
inline constexpr std::uint32_t kPerCpuCapacity = 1u << 14; // a power of two
inline constexpr std::uint32_t kLargestBatch = 64;

struct alignas(128) PerCpuPages {
  // A ring: the newest frame is below `top`, the oldest at `bottom`; both count up for ever.
  struct List {
    static constexpr std::uint32_t kMask = kPerCpuCapacity - 1;
    std::atomic<std::uint32_t> top{0};
    std::atomic<std::uint32_t> bottom{0};
    std::uint32_t frames[kPerCpuCapacity]; // as mapped: all zeroes at first

    [[nodiscard]] std::uint32_t count() const {
      return top.load(std::memory_order_relaxed) - bottom.load(std::memory_order_relaxed);
    }
  };

  // In memory that is mapped for it and all zeroes, so that only what is used of the rings costs memory;
  // null when the host has none.
  [[nodiscard]] static PerCpuPages *create(const PerCpuLimits &limits);
  static void destroy(PerCpuPages *pages);

  BiasedLock lock;
  std::atomic<std::uint32_t> high; // of each list
  FrameCounters counters;
  std::array<List, kMobilities> lists;

  [[nodiscard]] std::uint32_t count(unsigned list) const { return lists[list].count(); }
  [[nodiscard]] std::uint32_t total() const {
    std::uint32_t sum = 0;
    for (unsigned list = 0; list < kMobilities; ++list) sum += count(list);
    return sum;
  }

  // All under `lock`. The newest frame, 0 when there is none.
  [[nodiscard]] std::uint32_t pop(unsigned list) {
    List &from = lists[list];
    const std::uint32_t top = from.top.load(std::memory_order_relaxed) - 1;
    if (top + 1 == from.bottom.load(std::memory_order_relaxed)) return 0;
    from.top.store(top, std::memory_order_relaxed);
    return from.frames[top & List::kMask];
  }
  // True when it went above the high mark. There is room: that is below the capacity.
  bool push(unsigned list, std::uint32_t frame) {
    List &to = lists[list];
    const std::uint32_t top = to.top.load(std::memory_order_relaxed);
    to.frames[top & List::kMask] = frame;
    to.top.store(top + 1, std::memory_order_relaxed);
    return top - to.bottom.load(std::memory_order_relaxed) >= high.load(std::memory_order_relaxed);
  }
  // Takes up to out.size() frames, the oldest first; how many.
  [[nodiscard]] std::uint32_t take_cold(unsigned list, std::span<std::uint32_t> out) {
    List &from = lists[list];
    const std::uint32_t bottom = from.bottom.load(std::memory_order_relaxed);
    const auto taken = std::min(from.count(), std::uint32_t(out.size()));
    for (std::uint32_t i = 0; i < taken; ++i) out[i] = from.frames[(bottom + i) & List::kMask];
    from.bottom.store(bottom + taken, std::memory_order_relaxed);
    return taken;
  }
  // All of a list, the oldest first.
  template <class Visit> void for_each(unsigned list, Visit visit) const {
    const List &of = lists[list];
    const std::uint32_t bottom = of.bottom.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < of.count(); ++i) visit(of.frames[(bottom + i) & List::kMask]);
  }

private:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the rings are left as they are
  explicit PerCpuPages(const PerCpuLimits &limits) : high(limits.high_min) {}
};

} // namespace pagoda::phys
