// "Did you mean …": the nearest of a few names, when it is near enough to be meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pagoda::tools {

// Single-character edits (insert, delete, replace) from a to b (Levenshtein, 1965).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest name, at most a third of its length away.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

} // namespace pagoda::tools
