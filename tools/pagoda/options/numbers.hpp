// Whole numbers as people type them.
#pragma once

#include <charconv>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace pagoda::tools {

// Decimal digits alone. A failed parse returns a sentence fragment; the caller puts the option in front.
[[nodiscard]] inline std::expected<std::uint64_t, std::string> parse_number(std::string_view text, std::uint64_t least,
                                                                            std::uint64_t most) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value < least || value > most)
    return std::unexpected(fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
  return value;
}

} // namespace pagoda::tools
