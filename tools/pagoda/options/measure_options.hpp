// What `pagoda measure alloc` was asked to do.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "tools/measure/replay.hpp"

namespace pagoda::tools {

inline constexpr std::uint64_t kLeastArena = 16ull << 20, kMostArena = 64ull << 30;
inline constexpr std::uint64_t kMostDefaultArena = 4ull << 30;

// As typed; CLI11 fills it.
struct MeasureAllocArguments {
  std::string trace, generate, operations = "200000", write, managers, fit = "all", slab = "all", memory;
  bool json = false;
};

struct MeasureAllocOptions {
  std::string trace;                 // a file, or:
  std::optional<std::uint64_t> seed; // generated
  std::uint64_t operations = 0;
  std::string write; // empty: measure
  std::optional<std::uint64_t> arena;
  std::vector<measure::ManagerKind> managers;
};

// The error is one sentence that names the option and the fix.
[[nodiscard]] std::expected<MeasureAllocOptions, std::string> check(const MeasureAllocArguments &arguments);

// Whole blocks of the buddy's highest order.
[[nodiscard]] std::uint64_t arena_bytes(const MeasureAllocOptions &options, std::uint64_t peak_bytes);

} // namespace pagoda::tools
