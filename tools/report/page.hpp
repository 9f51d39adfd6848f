// The HTML around the drawings: one file that asks for nothing beyond itself and is readable on light
// and dark screens and on paper.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pagoda::report {

// A coloured mark and what it stands for. Colours are classes of the page's style: "m0" to "m5" are
// kinds, as different from each other as can be told apart by most eyes; "o0" to "o10" are steps of
// one ramp.
struct LegendEntry {
  std::string label;
  std::string colour;
};
[[nodiscard]] std::string draw_legend(const std::vector<LegendEntry> &entries);

struct Page {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts; // name, value
  std::string body;                                       // of sections
};
[[nodiscard]] std::string html(const Page &page);

// `content` is HTML of our own making; the title is any text.
[[nodiscard]] std::string section(std::string_view title, std::string_view content);
[[nodiscard]] std::string paragraph(std::string_view text);

} // namespace pagoda::report
