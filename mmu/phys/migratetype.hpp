// Migratetypes: frames that will be freed or moved together are kept in the same pageblocks, so that one
// page that cannot move does not spoil two megabytes (Gorman and Whitcroft, "The What, The Why and the
// Where To of Anti-Fragmentation", OLS 2006; Linux, mm/page_alloc.c).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mmu/phys/gfp.hpp"

namespace pagoda::phys {

enum class Migratetype : std::uint8_t {
  Unmovable,   // page tables, the kernel's own
  Movable,     // program data: can be copied elsewhere; what memory is at first
  Reclaimable, // caches that a shrinker can empty
  HighAtomic,  // kept back for requests of several frames that cannot wait
  Isolate,     // taken out of use: nothing is handed out from here
};
inline constexpr unsigned kMigratetypes = 5;
// Those a request can ask for; each has a per-CPU list.
inline constexpr unsigned kMobilities = 3;

[[nodiscard]] constexpr std::string_view name(Migratetype type) {
  constexpr std::array<std::string_view, kMigratetypes> kNames{"Unmovable", "Movable", "Reclaimable", "HighAtomic",
                                                               "Isolate"};
  return kNames[unsigned(type) % kMigratetypes];
}

[[nodiscard]] constexpr Migratetype migratetype_of(Gfp gfp) {
  if (has(gfp, Gfp::Movable)) return Migratetype::Movable;
  return has(gfp, Gfp::Reclaimable) ? Migratetype::Reclaimable : Migratetype::Unmovable;
}

// Whose pageblocks to take from when one's own have nothing left, best first.
[[nodiscard]] constexpr std::array<Migratetype, 2> fallbacks(Migratetype type) {
  switch (type) {
  case Migratetype::Unmovable: return {Migratetype::Reclaimable, Migratetype::Movable};
  case Migratetype::Reclaimable: return {Migratetype::Unmovable, Migratetype::Movable};
  default: return {Migratetype::Reclaimable, Migratetype::Unmovable};
  }
}

} // namespace pagoda::phys
