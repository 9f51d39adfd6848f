#include "tools/pagoda/spelling.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace pagoda::tools {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names) {
  if (word.size() > 64) return std::nullopt;
  std::optional<std::string> best;
  std::size_t best_distance = ~std::size_t{0};
  for (const std::string &name : names) {
    const std::size_t distance = edit_distance(word, name);
    if (distance * 3 > name.size() || distance >= best_distance) continue;
    best = name;
    best_distance = distance;
  }
  return best;
}

} // namespace pagoda::tools
