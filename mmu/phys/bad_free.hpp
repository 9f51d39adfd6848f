// Frees that are refused: what was wrong with them. Counted and remembered; a debug option ends the
// process at once instead (PhysicalMemory::abort_on_bad_free).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mmu/base/address.hpp"

namespace pagoda::phys {

enum class BadFree : std::uint8_t {
  None,
  Double,     // free already
  Wild,       // no frame that is ever handed out: a hole, reserved, beyond the end
  Middle,     // inside a block that another frame heads
  WrongOrder, // the block is larger or smaller
  Shared,     // somebody else has a reference
  Held,       // locked, on a queue or under write-back: kept out of use for good
};
inline constexpr unsigned kBadFrees = 7;

[[nodiscard]] constexpr std::string_view name(BadFree bad) {
  constexpr std::array<std::string_view, kBadFrees> kNames{"none",
                                                           "double free",
                                                           "free of what is no frame to hand out",
                                                           "free of the middle of a block",
                                                           "free with the wrong order",
                                                           "free of a block that others hold",
                                                           "free of a frame that is locked, queued or written back"};
  return kNames[unsigned(bad) % kBadFrees];
}

struct BadFreeReport {
  BadFree what = BadFree::None; // the last one
  Gfn frame;
};

} // namespace pagoda::phys
