// A small number for the calling thread: its index into per-CPU data.
//
// What a kernel calls a CPU is a thread of this process here. A slot belongs to one live thread at a
// time; the lowest free one is given out first and comes back when its thread ends, with everything
// that the thread did ordered before whatever the next owner does. A process with more threads than
// slots gets kNoCpuSlot for the rest: they take the path with the lock.
#pragma once

#include <cstdint>

namespace pagoda {

inline constexpr unsigned kCpuSlots = 64;
inline constexpr unsigned kNoCpuSlot = kCpuSlots;

namespace detail {
inline constexpr unsigned kUnclaimed = ~0u;
inline thread_local constinit unsigned current_cpu_slot = kUnclaimed;
[[nodiscard]] unsigned claim_cpu_slot();
} // namespace detail

// Below kCpuSlots, or kNoCpuSlot.
[[nodiscard]] inline unsigned cpu_slot() {
  const unsigned slot = detail::current_cpu_slot;
  if (slot != detail::kUnclaimed) [[likely]]
    return slot;
  return detail::claim_cpu_slot();
}

} // namespace pagoda
