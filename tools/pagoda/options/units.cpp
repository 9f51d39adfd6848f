#include "tools/pagoda/options/units.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "mmu/base/checked.hpp"

namespace pagoda::tools {
namespace {

struct Split {
  std::string_view number, suffix;
};

Split split(std::string_view text, std::string_view number_characters) {
  const auto end = text.find_first_not_of(number_characters);
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end), text.substr(end)};
}

std::optional<unsigned> size_shift(std::string_view suffix) {
  std::string upper(suffix);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return char(std::toupper(c)); });
  if (upper.empty() || upper == "B") return 0;
  constexpr std::string_view kLetters = "KMGT";
  const auto letter = kLetters.find(upper.front());
  if (letter == std::string_view::npos) return std::nullopt;
  const auto rest = std::string_view(upper).substr(1);
  if (!rest.empty() && rest != "B" && rest != "IB") return std::nullopt;
  return unsigned(letter + 1) * 10;
}

std::optional<double> nanoseconds_of(std::string_view suffix) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr std::array<Unit, 7> kUnits{
      {{"", 1e9}, {"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  for (const Unit &unit : kUnits)
    if (unit.name == suffix) return unit.nanoseconds;
  return std::nullopt;
}

} // namespace

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  const auto bad = [&] {
    return std::unexpected(
        fmt::format("\"{}\" is not a size; give a whole number with K, M, G or T, such as 512M", text));
  };
  const Split parts = split(text, "0123456789");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(parts.number.begin(), parts.number.end(), number);
  if (parts.number.empty() || error != std::errc{} || end != parts.number.end()) return bad();
  const auto shift = size_shift(parts.suffix);
  if (!shift) return bad();
  const auto bytes = checked_mul<std::uint64_t>(number, 1ull << *shift);
  if (!bytes) return std::unexpected(fmt::format("\"{}\" is more than 64 bits can count; give a smaller size", text));
  return *bytes;
}

std::expected<std::chrono::nanoseconds, std::string> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return std::unexpected(
        fmt::format("\"{}\" is not a duration; give a number with ms, s, m or h, such as 10s", text));
  };
  const Split parts = split(text, "0123456789.");
  double number = 0;
  const auto [end, error] = std::from_chars(parts.number.begin(), parts.number.end(), number);
  if (parts.number.empty() || error != std::errc{} || end != parts.number.end()) return bad();
  const auto unit = nanoseconds_of(parts.suffix);
  if (!unit) return bad();
  const double total = number * *unit;
  if (!(total >= 1)) return std::unexpected(fmt::format("\"{}\" is no time at all; give at least 1ms", text));
  if (total > 9e18) return std::unexpected(fmt::format("\"{}\" is longer than 285 years; give a shorter time", text));
  return std::chrono::nanoseconds(std::llround(total));
}

} // namespace pagoda::tools
