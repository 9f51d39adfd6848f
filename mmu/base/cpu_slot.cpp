#include "mmu/base/cpu_slot.hpp"

#include <atomic>
#include <bit>

namespace pagoda::detail {
namespace {

static_assert(kCpuSlots == 64, "one bit a slot");
constinit std::atomic<std::uint64_t> taken{0};

unsigned take_lowest() {
  std::uint64_t now = taken.load(std::memory_order_relaxed);
  while (~now != 0) {
    const auto slot = unsigned(std::countr_one(now));
    // Acquire pairs with the release of the thread that had the slot before.
    if (taken.compare_exchange_weak(now, now | 1ull << slot, std::memory_order_acquire, std::memory_order_relaxed))
      return slot;
  }
  return kNoCpuSlot;
}

// Gives the slot back when its thread ends. Destructors that run later in that thread find no slot.
struct Lease {
  explicit Lease(unsigned owned) : slot(owned) {}
  ~Lease() {
    current_cpu_slot = kNoCpuSlot;
    if (slot != kNoCpuSlot) taken.fetch_and(~(1ull << slot), std::memory_order_release);
  }
  Lease(const Lease &) = delete;
  Lease &operator=(const Lease &) = delete;
  unsigned slot;
};

} // namespace

unsigned claim_cpu_slot() {
  thread_local const Lease lease{take_lowest()};
  current_cpu_slot = lease.slot;
  return lease.slot;
}

} // namespace pagoda::detail
