#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "tools/benchmark/phys/arms.hpp"
#include "tools/measure/fragmentation_comparison.hpp"

namespace pagoda::bench {
namespace {

constexpr std::uint32_t kFrames = 1u << 18; // 1 GiB
constexpr std::uint64_t kAtLeast = 1000;    // operations

// One line on a terminal, at most ten times a second.
class Progress {
public:
  explicit Progress(std::uint64_t all) : all_(all) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void show(std::uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now < next_ || done == 0) return;
    next_ = now + std::chrono::milliseconds(100);
    shown_ = true;
    const std::chrono::duration<double> passed = now - begin_;
    fmt::print(stderr, "\r\033[Kfragmentation: {:.0f} % of {} operations, {:.0f} s left",
               100.0 * double(done) / double(all_), all_, passed.count() / double(done) * double(all_ - done));
  }

private:
  const std::uint64_t all_;
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_ = begin_;
  bool shown_ = false;
};

} // namespace

int run_fragmentation(std::uint64_t operations, std::uint64_t seed) {
  if (operations < kAtLeast) {
    fmt::print(stderr, "pagoda_bench_phys: give at least {} operations\n", kAtLeast);
    return 1;
  }
  measure::Comparison result;
  {
    Progress progress(operations);
    result = measure::compare_fragmentation(
        {.frames = kFrames, .operations = operations, .seed = seed, .on_progress = [&](std::uint64_t done) {
           progress.show(done);
         }});
  }
  for (const measure::IndexSample &sample : result.samples)
    fmt::print("{} {:.3f} {:.3f} {:.3f}\n", sample.operations, sample.occupancy, sample.ours, sample.plain);
  fmt::print(stderr, "fragmentation: refused allocations: {} of ours, {} of the plain buddy\n", result.failures_ours,
             result.failures_plain);
  return 0;
}

} // namespace pagoda::bench
