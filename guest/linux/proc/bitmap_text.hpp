// Sets of CPUs and nodes as Linux prints them: a bitmap in hexadecimal, or ranges.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <string>

namespace pagoda::kernel {

// "00000000,0000000f": groups of 32 bits, the highest first, `bits` wide.
[[nodiscard]] inline std::string bitmap_text(std::uint64_t set, unsigned bits) {
  std::string text;
  for (unsigned group = (bits + 31) / 32; group-- > 0;) {
    const unsigned width = (std::min(32u, bits - group * 32) + 3) / 4;
    text += fmt::format("{}{:0{}x}", text.empty() ? "" : ",", std::uint32_t(set >> (group * 32)), width);
  }
  return text;
}

// "0-3,5"; empty for the empty set.
[[nodiscard]] inline std::string list_text(std::uint64_t set) {
  std::string text;
  for (unsigned first = 0; first < 64; ++first) {
    if ((set >> first & 1) == 0) continue;
    unsigned last = first;
    while (last < 63 && (set >> (last + 1) & 1) != 0) ++last;
    if (!text.empty()) text += ',';
    text += first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
    first = last;
  }
  return text;
}

} // namespace pagoda::kernel
