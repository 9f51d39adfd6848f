// The state of a program page beyond its kind, one bit a property (Linux, include/linux/page-flags.h),
// and which of them may come and go when.
//
// Rules, checked by `may_set` and `may_clear`:
//   a free or reserved frame has none; a table, slab or kernel frame can be Locked alone
//   Active, Unevictable   only while on a queue (Lru)
//   Dirty, Writeback      only when there is something to write (Uptodate); Writeback begins by
//                         taking Dirty away, so Dirty may come again while it lasts
//   SwapCache             anonymous pages alone
//   Lru                   leaves last: neither Active nor Unevictable may stay behind
//   Uptodate              never goes while Dirty or Writeback needs it
// A frame that goes back to the buddy has none of Locked, Lru, Writeback (`kHeldFlags`).
#pragma once

#include <cstdint>

#include "mmu/phys/frame_kind.hpp"

namespace pagoda::phys {

enum class FrameFlag : std::uint32_t {
  Locked = 1u << 0,      // somebody fills or writes it back
  Referenced = 1u << 1,  // touched since it was last looked at
  Uptodate = 1u << 2,    // its contents are those of its backing
  Dirty = 1u << 3,       // newer than its backing
  Writeback = 1u << 4,   // on its way to its backing
  Lru = 1u << 5,         // on a page queue
  Active = 1u << 6,      // on the active one
  Unevictable = 1u << 7, // locked in memory by its owner
  SwapCache = 1u << 8,   // has a swap slot too
  Workingset = 1u << 9,  // came back soon after it was evicted
};

using FrameFlags = std::uint32_t;
constexpr FrameFlags bit(FrameFlag flag) { return FrameFlags(flag); }
constexpr bool has(FrameFlags flags, FrameFlag flag) { return (flags & bit(flag)) != 0; }

inline constexpr FrameFlags kHeldFlags = bit(FrameFlag::Locked) | bit(FrameFlag::Lru) | bit(FrameFlag::Writeback);

[[nodiscard]] constexpr bool may_set(FrameKind kind, FrameFlags now, FrameFlag flag) {
  if (kind == FrameKind::Free || kind == FrameKind::Reserved) return false;
  if (flag == FrameFlag::Locked) return !has(now, FrameFlag::Locked);
  const bool page = can_move(kind) || kind == FrameKind::Device;
  if (!page) return false;
  switch (flag) {
  case FrameFlag::Active: return has(now, FrameFlag::Lru) && !has(now, FrameFlag::Unevictable);
  case FrameFlag::Unevictable: return has(now, FrameFlag::Lru) && !has(now, FrameFlag::Active);
  case FrameFlag::Dirty: return has(now, FrameFlag::Uptodate);
  case FrameFlag::Writeback: return has(now, FrameFlag::Uptodate) && !has(now, FrameFlag::Dirty);
  case FrameFlag::SwapCache: return kind == FrameKind::Anonymous;
  case FrameFlag::Lru: return kind != FrameKind::Device;
  default: return true;
  }
}

[[nodiscard]] constexpr bool may_clear(FrameFlags now, FrameFlag flag) {
  if (!has(now, flag)) return false;
  if (flag == FrameFlag::Lru) return !has(now, FrameFlag::Active) && !has(now, FrameFlag::Unevictable);
  if (flag == FrameFlag::Uptodate) return !has(now, FrameFlag::Dirty) && !has(now, FrameFlag::Writeback);
  return true;
}

} // namespace pagoda::phys
