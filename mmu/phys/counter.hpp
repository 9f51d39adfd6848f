// Counters that many threads keep and anybody sums: each CPU slot has its own, written by its owner alone
// with a plain load and store.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "mmu/phys/frame_kind.hpp"

namespace pagoda::phys {

using Counter = std::atomic<std::uint64_t>;

// By the one thread that writes it.
inline void bump(Counter &counter, std::uint64_t by) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// Frames of a zone that were handed out and came back, by kind.
struct FrameCounters {
  std::array<Counter, kFrameKinds> allocated{};
  std::array<Counter, kFrameKinds> freed{};
};

} // namespace pagoda::phys
