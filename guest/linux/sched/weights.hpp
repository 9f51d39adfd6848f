// What a nice level is worth: Linux's sched_prio_to_weight, where one level is about 10 % of a CPU.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace pagoda::kernel {

inline constexpr int kNiceLowest = 19;   // least favoured
inline constexpr int kNiceHighest = -20; // most favoured
inline constexpr std::uint64_t kNiceZeroWeight = 1024;

constexpr std::uint64_t weight_of(int nice) {
  constexpr std::array<std::uint32_t, 40> table{88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
                                                9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
                                                1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
                                                110,   87,    70,    56,    45,    36,    29,    23,    18,    15};
  return table[std::size_t(std::clamp(nice, kNiceHighest, kNiceLowest) - kNiceHighest)];
}

// Virtual time for `ns` of real time at that level.
constexpr std::uint64_t weighted(std::uint64_t ns, int nice) { return ns * kNiceZeroWeight / weight_of(nice); }

} // namespace pagoda::kernel
