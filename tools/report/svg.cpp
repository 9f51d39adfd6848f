#include "tools/report/svg.hpp"

#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace pagoda::report {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// The length of the well-formed UTF-8 sequence of more than one byte that `text` begins with, or 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return std::uint8_t(text[i]); };
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  std::uint32_t point = byte(0) & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point < 0xe000, control = point < 0xa0;
  return point < kLeast[length] || point > 0x10ffff || surrogate || control ? 0 : length;
}

std::string tip_element(std::string_view tip) {
  return tip.empty() ? std::string() : fmt::format("<title>{}</title>", escape(tip));
}

} // namespace

std::string escape(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (std::uint8_t(c) >= 0x80) {
      const std::size_t length = sequence_length(text.substr(i));
      safe += length == 0 ? kReplacement : text.substr(i, length);
      i += length == 0 ? 1 : length;
      continue;
    }
    switch (c) {
    case '&': safe += "&amp;"; break;
    case '<': safe += "&lt;"; break;
    case '>': safe += "&gt;"; break;
    case '"': safe += "&quot;"; break;
    case '\'': safe += "&#39;"; break;
    default: safe += std::uint8_t(c) < 0x20 && c != '\n' ? kReplacement : std::string_view(&text[i], 1);
    }
    ++i;
  }
  return safe;
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  fmt::format_to(std::back_inserter(body_), "<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' class='{}'/>\n", x1,
                 y1, x2, y2, style);
}

void Svg::rect(double x, double y, double width, double height, std::string_view style, std::string_view tip) {
  fmt::format_to(std::back_inserter(body_),
                 "<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}' class='{}'>{}</rect>\n", x, y, width,
                 height, style, tip_element(tip));
}

void Svg::circle(double x, double y, double radius, std::string_view style, std::string_view tip) {
  fmt::format_to(std::back_inserter(body_), "<circle cx='{:.1f}' cy='{:.1f}' r='{:.1f}' class='{}'>{}</circle>\n", x, y,
                 radius, style, tip_element(tip));
}

void Svg::path(std::string_view data, std::string_view style) {
  fmt::format_to(std::back_inserter(body_), "<path d='{}' class='{}'/>\n", data, style);
}

void Svg::text(double x, double y, std::string_view text, std::string_view style, Anchor anchor) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  fmt::format_to(std::back_inserter(body_), "<text x='{:.1f}' y='{:.1f}' text-anchor='{}' class='{}'>{}</text>\n", x, y,
                 kAnchors[unsigned(anchor)], style, escape(text));
}

std::string Svg::finish(std::string_view label) const {
  return fmt::format(
      "<svg viewBox='0 0 {0:.0f} {1:.0f}' width='{0:.0f}' height='{1:.0f}' role='img' aria-label='{2}'>\n"
      "{3}</svg>\n",
      width_, height_, escape(label), body_);
}

} // namespace pagoda::report
