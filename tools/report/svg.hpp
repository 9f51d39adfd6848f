// The elements of a drawing, as text. Coordinates are pixels at a scale of one; colours are classes,
// so that the page decides about light and dark.
#pragma once

#include <string>
#include <string_view>

namespace pagoda::report {

// Safe between tags and in quoted attributes: markup is escaped, and what is neither printable ASCII nor
// well-formed UTF-8 becomes U+FFFD. Names come from guests.
[[nodiscard]] std::string escape(std::string_view text);

enum class Anchor { Start, Middle, End };

class Svg {
public:
  Svg(double width, double height) : width_(width), height_(height) {}

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rect(double x, double y, double width, double height, std::string_view style, std::string_view tip = {});
  void circle(double x, double y, double radius, std::string_view style, std::string_view tip = {});
  // `data` is of our own making: the `d` of a path.
  void path(std::string_view data, std::string_view style);
  void text(double x, double y, std::string_view text, std::string_view style, Anchor anchor = Anchor::Start);

  // The whole drawing; `label` is what a reader who cannot see it is told.
  [[nodiscard]] std::string finish(std::string_view label) const;

private:
  double width_, height_;
  std::string body_;
};

} // namespace pagoda::report
