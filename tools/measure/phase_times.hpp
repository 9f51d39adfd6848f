// Times of short phases, some 100 us each, whose median counts: a phase in which the machine did
// something else does not.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace pagoda::measure {

class PhaseTimes {
public:
  using Clock = std::chrono::steady_clock;

  void begin() { begin_ = Clock::now(); }
  void end(double operations) {
    const std::chrono::duration<double, std::nano> time = Clock::now() - begin_;
    samples_.push_back(time.count() / operations);
  }
  // Nanoseconds an operation; 0 without a phase.
  [[nodiscard]] double median() { return quantile(0.5); }
  // Half the distance between the quartiles, as a part of the median.
  [[nodiscard]] double spread() {
    const double middle = median();
    return middle > 0 ? (quantile(0.75) - quantile(0.25)) / 2 / middle : 0;
  }

private:
  [[nodiscard]] double quantile(double part) {
    if (samples_.empty()) return 0;
    const auto at = samples_.begin() + std::ptrdiff_t(double(samples_.size() - 1) * part);
    std::ranges::nth_element(samples_, at);
    return *at;
  }
  Clock::time_point begin_;
  std::vector<double> samples_;
};

} // namespace pagoda::measure
