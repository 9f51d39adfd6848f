// Sizes and durations as people type them: "512M", "2G", "10s", "1.5s".
//
// A failed parse returns a sentence fragment that says what is wrong and shows a right value; the
// caller puts the option's name in front.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace pagoda::tools {

// Bytes. Suffixes K, M, G, T (powers of 1024; "KiB" and "KB" are the same), none: bytes.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

// Suffixes ns, us, ms, s, m, h; none: seconds. Fractions are allowed.
[[nodiscard]] std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text);

} // namespace pagoda::tools
