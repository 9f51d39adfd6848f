// Parts of a whole, one bar a name: how much of what each one holds is put to use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda::report {

struct BarPart {
  std::string label;
  std::string colour; // a class of the page's style
};

struct Bar {
  std::string name, note;           // before the bar, and after it
  std::vector<std::uint64_t> parts; // as many as `StackedBars::parts`
};

struct StackedBars {
  std::string title;
  std::string unit; // of a part, for tips
  std::vector<BarPart> parts;
  std::vector<Bar> bars;
};

[[nodiscard]] std::string draw(const StackedBars &bars);

} // namespace pagoda::report
