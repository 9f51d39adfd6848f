// Values over time. Lines are labelled at their right end, apart enough to be read; lines that end in
// the same place share a label.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pagoda::report {

struct Series {
  unsigned number;                               // its label, with the chart's word before it
  std::string colour;                            // a class of the page's style: "o0" to "o10", or "m0" to "m5"
  std::vector<std::pair<double, double>> points; // seconds, value; in order of time
};

struct LineChart {
  std::string title;
  std::string word;         // what the numbers of the series count: "order"
  double low = 0, high = 1; // of the values; what lies beyond is drawn at the edge
  std::vector<std::pair<double, std::string>> ticks{{0, "0"}, {0.25, ""}, {0.5, "0.5"}, {0.75, ""}, {1, "1"}};
  std::vector<Series> series;
};

[[nodiscard]] std::string draw(const LineChart &chart);

// Numbers in rising order, runs drawn together: "1, 3–5".
[[nodiscard]] std::string number_runs(const std::vector<unsigned> &numbers);

} // namespace pagoda::report
