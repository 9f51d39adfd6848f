#include "tools/measure/replay.hpp"

#include <map>

#include <gtest/gtest.h>

namespace pagoda::measure {
namespace {

// Gives every allocation the double of what it asks for, out of an arena of 1000 bytes.
class Doubling final : public Manager {
public:
  explicit Doubling(std::map<std::uint64_t, std::uint64_t> &live) : live_(live) { live_.clear(); }
  std::optional<std::uint64_t> allocate(std::uint64_t bytes) override {
    if (held_ + 2 * bytes > 1000) return std::nullopt;
    held_ += 2 * bytes;
    live_[next_] = bytes;
    return next_++;
  }
  void free(std::uint64_t handle, std::uint64_t bytes) override {
    ASSERT_EQ(live_.at(handle), bytes);
    live_.erase(handle);
    held_ -= 2 * bytes;
  }
  Holding holding() const override { return {.held = held_, .free = 1000 - held_, .useful = (1000 - held_) / 4}; }

private:
  std::map<std::uint64_t, std::uint64_t> &live_;
  std::uint64_t held_ = 0, next_ = 0;
};

TEST(Replay, CountsWhatHappened) {
  std::map<std::uint64_t, std::uint64_t> live;
  const ManagerKind kind{"doubling", "only", [&](std::uint64_t) { return std::make_unique<Doubling>(live); }};
  // The third cannot be had, and so its end is none either.
  const AllocationTrace trace{
      .operations = {{0, 300}, {1, 100}, {2, 200}, {1, 0}, {2, 0}, {1, 10}}, .ids = 3, .peak_bytes = 600};
  const ReplayFigures figures = replay(trace, kind, 1000, 2);
  EXPECT_EQ(figures.name, "doubling");
  EXPECT_EQ(figures.allocations, 3u);
  EXPECT_EQ(figures.frees, 1u);
  EXPECT_EQ(figures.failures, 1u);
  EXPECT_EQ(figures.peak_requested, 400u);
  EXPECT_DOUBLE_EQ(figures.internal, 0.5);
  EXPECT_NEAR(figures.external, 0.75, 0.01);
  EXPECT_GT(figures.ns_per_operation, 0);
  EXPECT_TRUE(live.empty()) << "what the trace leaves alive is given back";
}

} // namespace
} // namespace pagoda::measure
