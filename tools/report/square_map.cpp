#include "tools/report/square_map.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

constexpr double kWidth = 1112;
constexpr std::size_t kMostTips = 2048;

struct Cell {
  double side, gap;
  [[nodiscard]] std::size_t columns() const { return std::size_t(kWidth / (side + gap)); }
};

// Few squares are drawn large enough to be counted.
Cell cell_for(std::size_t count) {
  if (count <= 1024) return {13.5, 2.5};
  if (count <= 4096) return {8.5, 1.5};
  return {6, 1};
}

// `step` neighbours as one: the kind that most of them have, and their mean hole.
std::vector<Square> merged(const std::vector<Square> &squares, std::size_t step) {
  std::vector<Square> result;
  for (std::size_t begin = 0; begin < squares.size(); begin += step) {
    const std::size_t end = std::min(begin + step, squares.size());
    std::map<std::uint8_t, std::size_t> votes;
    std::size_t holes = 0;
    for (std::size_t i = begin; i < end; ++i) {
      ++votes[squares[i].colour];
      holes += squares[i].hole;
    }
    const auto most = std::ranges::max_element(votes, {}, [](const auto &vote) { return vote.second; });
    result.push_back({most->first, std::uint8_t(holes / (end - begin)), {}});
  }
  return result;
}

std::string square_path(double x, double y, double side) {
  return fmt::format("M{:.2f} {:.2f}h{:.2f}v{:.2f}h{:.2f}z", x, y, side, side, -side);
}

// A square with its hole; the path's rule is even-odd. The largest hole leaves an edge to be seen.
std::string ring_path(double x, double y, double side, unsigned hole, unsigned steps) {
  std::string data = square_path(x, y, side);
  if (hole == 0 || steps == 0) return data;
  const double edge = side * 0.12, inner = (side - 2 * edge) * double(std::min(hole, steps)) / double(steps);
  return data + square_path(x + (side - inner) / 2, y + (side - inner) / 2, inner);
}

} // namespace

std::string draw(const SquareMap &map) {
  const std::size_t step = (map.squares.size() + kMostSquares - 1) / kMostSquares;
  const std::vector<Square> squares = step > 1 ? merged(map.squares, step) : map.squares;
  const Cell cell = cell_for(squares.size());
  const double pitch = cell.side + cell.gap;
  const std::size_t columns = cell.columns();
  const std::size_t rows = (squares.size() + columns - 1) / columns;
  Svg svg(kWidth, double(rows) * pitch + 2);
  std::vector<std::string> paths(map.colours.size());
  const auto x = [&](std::size_t i) { return double(i % columns) * pitch + 1; };
  const auto y = [&](std::size_t i) {
    const std::size_t row = i / columns;
    return double(row) * pitch + 1;
  };
  for (std::size_t i = 0; i < squares.size(); ++i)
    if (squares[i].colour < paths.size())
      paths[squares[i].colour] += ring_path(x(i), y(i), cell.side, squares[i].hole, map.hole_steps);
  for (std::size_t colour = 0; colour < paths.size(); ++colour)
    if (!paths[colour].empty()) svg.path(paths[colour], "ring f-" + map.colours[colour].colour);
  if (squares.size() <= kMostTips)
    for (std::size_t i = 0; i < squares.size(); ++i)
      if (!squares[i].tip.empty()) svg.rect(x(i), y(i), cell.side, cell.side, "touch", squares[i].tip);
  const std::string title =
      step > 1 ? fmt::format("{} (each square stands for {} pageblocks)", map.title, step) : map.title;
  return fmt::format("<figure><figcaption>{}</figcaption>{}</figure>\n", escape(title), svg.finish(title));
}

std::string draw_hole_legend(const std::vector<std::string> &labels, const std::string &colour) {
  constexpr double kSide = 13.5;
  std::string legend = "<ul class='legend'>\n";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty()) continue;
    Svg svg(kSide, kSide);
    svg.path(ring_path(0, 0, kSide, unsigned(i), unsigned(labels.size() - 1)), "ring f-" + colour);
    fmt::format_to(std::back_inserter(legend), "<li>{}{}</li>\n", svg.finish(labels[i]), escape(labels[i]));
  }
  return legend + "</ul>\n";
}

} // namespace pagoda::report
