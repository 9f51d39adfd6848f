// The figures of replayed allocation traces as a table for people and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/measure/replay.hpp"

namespace pagoda::tools {

struct ReplayTable {
  std::string trace; // where it came from
  std::uint64_t operations = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t arena_bytes = 0;
  std::vector<measure::ReplayFigures> rows;
};

[[nodiscard]] std::string replay_text(const ReplayTable &table);
[[nodiscard]] std::string replay_json(const ReplayTable &table);

} // namespace pagoda::tools
