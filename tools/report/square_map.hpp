// Memory as squares in rows: the colour says what kind it is, a hole in the middle how large the largest
// free block in it is, and a square that is all free is nothing but its edge.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/report/page.hpp"

namespace pagoda::report {

struct Square {
  std::uint8_t colour = 0; // index into `SquareMap::colours`
  std::uint8_t hole = 0;   // 0: nothing is free, up to `SquareMap::hole_steps`: all of it is
  std::string tip;         // may be empty
};

struct SquareMap {
  std::string title;
  std::vector<LegendEntry> colours;
  std::uint8_t hole_steps = 10;
  std::vector<Square> squares;
};

// More squares than this are drawn several as one; the title says so.
inline constexpr std::size_t kMostSquares = 8192;

[[nodiscard]] std::string draw(const SquareMap &map);
// What holes of every second size mean; `labels` from size 0 on.
[[nodiscard]] std::string draw_hole_legend(const std::vector<std::string> &labels, const std::string &colour);

} // namespace pagoda::report
