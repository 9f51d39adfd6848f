// What numastat(8) counts, but for the ordinary case: frames had on the node that was wanted by a CPU of
// that node are counted with the zone, and the rest here, one set of counters for each CPU slot.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <new>

#include "mmu/base/cpu_slot.hpp"
#include "mmu/base/failpoint.hpp"
#include "mmu/phys/counter.hpp"
#include "mmu/phys/node_id.hpp"

namespace pagoda::phys {

enum class NumaEvent : std::uint8_t {
  Miss,       // had here though wanted elsewhere
  Foreign,    // wanted here but had elsewhere
  Interleave, // had here as interleaving wanted
  Other,      // had here by a CPU of another node
};
inline constexpr unsigned kNumaEvents = 4;

class NumaCounters {
public:
  NumaCounters() = default;
  ~NumaCounters() {
    for (auto &each : slots_) delete each.load(std::memory_order_relaxed);
  }
  NumaCounters(const NumaCounters &) = delete;
  NumaCounters &operator=(const NumaCounters &) = delete;

  void count(NodeId node, NumaEvent event, std::uint64_t frames) {
    const unsigned slot = cpu_slot();
    if (slot < kCpuSlots) {
      Slot *mine = slots_[slot].load(std::memory_order_relaxed);
      if (mine == nullptr) {
        mine = failpoint::descriptor_allocation.fails() ? nullptr : new (std::nothrow) Slot();
        slots_[slot].store(mine, std::memory_order_release);
      }
      if (mine != nullptr) return bump((*mine)[node % kMaxNodes][unsigned(event)], frames);
    }
    shared_[node % kMaxNodes][unsigned(event)].fetch_add(frames, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t sum(NodeId node, NumaEvent event) const {
    std::uint64_t result = shared_[node % kMaxNodes][unsigned(event)].load(std::memory_order_relaxed);
    for (const auto &each : slots_)
      if (const Slot *slot = each.load(std::memory_order_acquire))
        result += (*slot)[node % kMaxNodes][unsigned(event)].load(std::memory_order_relaxed);
    return result;
  }

private:
  using Slot = std::array<std::array<Counter, kNumaEvents>, kMaxNodes>;
  std::array<std::atomic<Slot *>, kCpuSlots> slots_{};
  Slot shared_{};
};

} // namespace pagoda::phys
