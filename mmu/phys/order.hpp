// An order-n block is 2^n frames, aligned to its size.
#pragma once

#include <cstdint>

namespace pagoda::phys {

using Order = std::uint8_t;
inline constexpr Order kMaxOrder = 10;     // the highest of a default machine: 4 MiB
inline constexpr Order kLargestOrder = 18; // the highest that can be configured: 1 GiB

// Pageblocks: the unit of migratetypes, as large as a huge page.
inline constexpr Order kPageblockOrder = 9;
inline constexpr std::uint64_t kPageblockFrames = 1ull << kPageblockOrder;

constexpr std::uint64_t frames_in(Order order) { return 1ull << order; }

} // namespace pagoda::phys
