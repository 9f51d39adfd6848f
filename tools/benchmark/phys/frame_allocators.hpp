// Three ways to hand out frames, with one shape: the manager's, a plain buddy, and mimalloc's blocks of
// 4 KiB.
#pragma once

#include <cstdint>
#include <optional>

#include <mimalloc.h>

#include "tools/measure/managed_frames.hpp"
#include "tools/measure/plain_buddy.hpp"

namespace pagoda::bench {

inline constexpr std::uint32_t kFrames = 1u << 18; // 1 GiB

struct Ours {
  static constexpr const char *kName = "ours";
  using Handle = Gfn;
  measure::ManagedFrames frames{kFrames};

  Handle allocate(unsigned order) {
    return frames.allocate(order, measure::PageType::Movable).value_or(Gfn(0)); // 0 is never handed out
  }
  void free(Handle frame, unsigned order) { frames.free(frame, order); }
  static bool valid(Handle frame) { return frame != Gfn(0); }
};

struct OneLockBuddy {
  static constexpr const char *kName = "buddy";
  using Handle = std::uint32_t;
  measure::PlainBuddy buddy{kFrames};

  Handle allocate(unsigned order) { return buddy.allocate(order).value_or(kFrames); }
  void free(Handle frame, unsigned order) { (void)buddy.free(frame, order); }
  static bool valid(Handle frame) { return frame < kFrames; }
};

// Its heap lives as long as the process. It is told to keep what it has, or it would pay for giving
// memory back to the host in every phase, which the others do not do.
struct Mimalloc {
  static constexpr const char *kName = "mimalloc";
  using Handle = void *;
  Mimalloc() { mi_option_set_enabled(mi_option_allow_decommit, false); }

  Handle allocate(unsigned order) { return mi_malloc(std::size_t{4096} << order); }
  void free(Handle block, unsigned) { mi_free(block); }
  static bool valid(Handle block) { return block != nullptr; }
};

} // namespace pagoda::bench
