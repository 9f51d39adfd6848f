// How a frame is wanted: which zones will do, how far the allocator may go for it, and how long it
// will stay. The names and their meaning are Linux's (include/linux/gfp_types.h).
#pragma once

#include <cstdint>

namespace pagoda::phys {

enum class Gfp : std::uint32_t {
  None = 0,
  // Zone modifiers: the highest zone that will do; without one, NORMAL.
  Dma = 1u << 0,     // below 16 MiB
  Dma32 = 1u << 1,   // below 4 GiB
  HighMem = 1u << 2, // HIGHMEM too, where the layout has it
  Movable = 1u << 3, // with HighMem: MOVABLE too; always: the page can be migrated
  // How long it stays (the migratetype, with Movable).
  Reclaimable = 1u << 4, // freed under pressure by a shrinker
  // How far to go.
  High = 1u << 5,          // may dip into the reserve below the min watermark
  MemAlloc = 1u << 6,      // no watermark at all: the reclaimer's own needs
  DirectReclaim = 1u << 7, // may reclaim, and so may block
  KswapdReclaim = 1u << 8, // wakes the background reclaimer
  Io = 1u << 9,            // reclaim may do I/O
  NoRetry = 1u << 10,      // one round of reclaim, then fail
  NoFail = 1u << 11,       // the caller cannot fail: wait (small orders, with DirectReclaim)
  NoWarn = 1u << 12,       // a refusal is expected: not reported
  // Where and what.
  ThisNode = 1u << 13, // no fallback to another node
  Zero = 1u << 14,     // filled with zeroes
  Account = 1u << 15,  // charged to the group of the caller

  Atomic = High | KswapdReclaim,
  Reclaim = DirectReclaim | KswapdReclaim,
  Kernel = Reclaim | Io,
  User = Kernel,
  HighUser = User | HighMem,
  HighUserMovable = HighUser | Movable,
};

constexpr Gfp operator|(Gfp a, Gfp b) { return Gfp(std::uint32_t(a) | std::uint32_t(b)); }
constexpr Gfp operator&(Gfp a, Gfp b) { return Gfp(std::uint32_t(a) & std::uint32_t(b)); }
constexpr Gfp operator~(Gfp a) { return Gfp(~std::uint32_t(a)); }
constexpr bool any(Gfp g) { return g != Gfp::None; }
constexpr bool has(Gfp g, Gfp bits) { return (g & bits) == bits; }

} // namespace pagoda::phys
