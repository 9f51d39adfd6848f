// External fragmentation as Linux measures it (mm/vmstat.c; Gorman and Whitcroft, "Supporting the
// allocation of large contiguous regions of memory", 2008), from the numbers of free blocks by order.
//
// Both are thousandths. The figures are a snapshot: whoever counted the blocks held the zone's lock.
#pragma once

#include <cstdint>
#include <span>

#include "mmu/phys/frame.hpp"

namespace pagoda::phys {

// What the free blocks of a zone mean to a request of one order.
struct ContiguousFree {
  std::uint64_t frames = 0;   // free in all
  std::uint64_t blocks = 0;   // that they lie in
  std::uint64_t suitable = 0; // requests of that order that could be served one after another
};
// `free_blocks[n]`: free blocks of order n.
[[nodiscard]] ContiguousFree contiguous_free(std::span<const std::uint64_t> free_blocks, Order order);

// The share of free memory that a request of that order cannot use, 0 to 1000; 1000 when none is free.
[[nodiscard]] unsigned unusable_free_index(std::span<const std::uint64_t> free_blocks, Order order);

// Why a request of that order would fail: towards 0 (or a little below) for lack of memory, towards
// 1000 because of fragmentation; -1000 when it would succeed.
[[nodiscard]] int fragmentation_index(std::span<const std::uint64_t> free_blocks, Order order);

} // namespace pagoda::phys
