#include "tools/report/line_chart.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include <fmt/format.h>

#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

constexpr double kWidth = 540, kHeight = 250;
constexpr double kLeft = 34, kRight = 92, kTop = 12, kBottom = 32;
constexpr double kLabelHeight = 12.5;
constexpr std::size_t kMostPoints = 1000; // of a line; more are thinned out

struct Frame {
  double first = 0, last = 1; // seconds
  double low = 0, high = 1;
  [[nodiscard]] double x(double seconds) const {
    return kLeft + (seconds - first) / (last - first) * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double y(double value) const {
    const double part = (std::clamp(value, low, high) - low) / (high - low);
    return kHeight - kBottom - part * (kHeight - kTop - kBottom);
  }
};

Frame frame_of(const LineChart &chart) {
  Frame frame{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), chart.low, chart.high};
  for (const Series &series : chart.series)
    for (const auto &[seconds, value] : series.points) {
      frame.first = std::min(frame.first, seconds);
      frame.last = std::max(frame.last, seconds);
    }
  if (!std::isfinite(frame.first)) frame.first = frame.last = 0;
  if (frame.last - frame.first < 1e-9) frame.first = frame.last - 1; // one sample stands at the right
  return frame;
}

// 1, 2 or 5 times a power of ten, for about six marks.
double step_of(double range) {
  const double rough = range / 6, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

void draw_axes(Svg &svg, const LineChart &chart, const Frame &frame) {
  for (const auto &[value, label] : chart.ticks) {
    svg.line(kLeft, frame.y(value), kWidth - kRight, frame.y(value), "grid");
    svg.text(kLeft - 6, frame.y(value) + 3.5, label, "tick", Anchor::End);
  }
  const double step = step_of(frame.last - frame.first);
  for (double at = std::ceil(frame.first / step) * step; at <= frame.last + step / 1e6; at += step) {
    svg.line(frame.x(at), kHeight - kBottom, frame.x(at), kHeight - kBottom + 4, "axis");
    const double mark = std::round(at / step) * step + 0.0; // never "-0"
    svg.text(frame.x(at), kHeight - kBottom + 16, fmt::format("{:g}", mark), "tick", Anchor::Middle);
  }
  svg.line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "axis");
  svg.text(kWidth - kRight, kHeight - 3, "seconds", "tick", Anchor::End);
}

void draw_line(Svg &svg, const LineChart &chart, const Series &series, const Frame &frame) {
  const std::size_t stride = series.points.size() / kMostPoints + 1;
  std::string data;
  for (std::size_t i = 0; i < series.points.size(); i += stride)
    fmt::format_to(std::back_inserter(data), "{}{:.1f} {:.1f}", i == 0 ? "M" : "L", frame.x(series.points[i].first),
                   frame.y(series.points[i].second));
  svg.path(data, "line s-" + series.colour);
  const auto &[seconds, value] = series.points.back();
  svg.circle(frame.x(seconds), frame.y(value), 2.2, "f-" + series.colour,
             fmt::format("{} {}: {:.3f} at {:.3g} s", chart.word, series.number, value, seconds));
}

// The ends of lines in one place, and where their label stands.
struct Label {
  double end = 0, y = 0;
  std::vector<const Series *> series;
};

std::vector<Label> labels_of(const LineChart &chart, const Frame &frame) {
  constexpr double kSamePlace = 2;
  std::vector<Label> labels;
  for (const Series &series : chart.series)
    if (!series.points.empty()) labels.push_back({frame.y(series.points.back().second), 0, {&series}});
  std::ranges::sort(labels, {}, [](const Label &label) { return std::pair(label.end, label.series.front()->number); });
  std::vector<Label> grouped;
  for (Label &label : labels)
    if (!grouped.empty() && label.end - grouped.back().end < kSamePlace)
      grouped.back().series.push_back(label.series.front());
    else
      grouped.push_back(std::move(label));
  return grouped;
}

// Labels that would overlap are pushed apart, downwards and then back up into the drawing.
void place(std::vector<Label> &labels) {
  double least = kTop;
  for (Label &label : labels) least = (label.y = std::max(label.end, least)) + kLabelHeight;
  double most = kHeight - kBottom + 4;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label)
    most = (label->y = std::min(label->y, most)) - kLabelHeight;
}

void draw_labels(Svg &svg, const LineChart &chart, const Frame &frame) {
  std::vector<Label> labels = labels_of(chart, frame);
  place(labels);
  for (const Label &label : labels) {
    std::vector<unsigned> numbers;
    for (const Series *series : label.series) numbers.push_back(series->number);
    std::ranges::sort(numbers);
    const double end = frame.x(label.series.front()->points.back().first);
    svg.line(end + 3, label.end, kWidth - kRight + 9, label.y, "leader s-" + label.series.back()->colour);
    svg.text(kWidth - kRight + 12, label.y + 3.5, chart.word + " " + number_runs(numbers), "label");
  }
}

} // namespace

std::string number_runs(const std::vector<unsigned> &numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text += fmt::format("{}", numbers[i]);
    if (last > i) text += fmt::format("{}{}", last == i + 1 ? ", " : "–", numbers[last]);
    i = last + 1;
  }
  return text;
}

std::string draw(const LineChart &chart) {
  Svg svg(kWidth, kHeight);
  const Frame frame = frame_of(chart);
  draw_axes(svg, chart, frame);
  for (const Series &series : chart.series)
    if (!series.points.empty()) draw_line(svg, chart, series, frame);
  draw_labels(svg, chart, frame);
  return fmt::format("<figure><figcaption>{}</figcaption>{}</figure>\n", escape(chart.title), svg.finish(chart.title));
}

} // namespace pagoda::report
