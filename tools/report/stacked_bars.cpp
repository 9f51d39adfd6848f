#include "tools/report/stacked_bars.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "tools/report/page.hpp"
#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

constexpr double kWidth = 540, kName = 132, kNote = 84, kRow = 19, kBar = 12;

std::uint64_t sum(const Bar &bar) { return std::accumulate(bar.parts.begin(), bar.parts.end(), std::uint64_t{0}); }

// A name that is too long loses its middle: caches differ at both ends.
std::string shortened(const std::string &name) {
  constexpr std::size_t kMost = 18, kEnd = 8;
  if (name.size() <= kMost) return name;
  return name.substr(0, kMost - kEnd - 1) + "…" + name.substr(name.size() - kEnd);
}

} // namespace

std::string draw(const StackedBars &chart) {
  Svg svg(kWidth, double(chart.bars.size()) * kRow + 4);
  std::uint64_t most = 1;
  for (const Bar &bar : chart.bars) most = std::max(most, sum(bar));
  const double scale = (kWidth - kName - kNote) / double(most);
  double y = 2;
  for (const Bar &bar : chart.bars) {
    svg.text(kName - 8, y + kBar - 2, shortened(bar.name), "label", Anchor::End);
    double x = kName;
    for (std::size_t i = 0; i < std::min(bar.parts.size(), chart.parts.size()); ++i) {
      const double width = double(bar.parts[i]) * scale;
      if (width > 0.05)
        svg.rect(x, y, width, kBar, "f-" + chart.parts[i].colour,
                 fmt::format("{}: {} {} {}", bar.name, chart.parts[i].label, bar.parts[i], chart.unit));
      x += width;
    }
    svg.text(x + 6, y + kBar - 2, bar.note, "tick");
    y += kRow;
  }
  std::vector<LegendEntry> legend;
  for (const BarPart &part : chart.parts) legend.push_back({part.label, part.colour});
  return fmt::format("<figure><figcaption>{}</figcaption>{}{}</figure>\n", escape(chart.title), draw_legend(legend),
                     svg.finish(chart.title));
}

} // namespace pagoda::report
