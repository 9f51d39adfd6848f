#include "tools/measure/fragmentation_comparison.hpp"

#include <gtest/gtest.h>

namespace pagoda::measure {
namespace {

TEST(Fragmentation, MigratetypesHalveWhatALargeAllocationCannotUse) {
  const Comparison result =
      compare_fragmentation({.frames = 1u << 16, .operations = 1'000'000, .seed = 1, .on_progress = {}});
  EXPECT_GT(result.samples.size(), 100u);
  EXPECT_EQ(result.failures_ours, 0u);
  EXPECT_EQ(result.failures_plain, 0u);
  double occupancy = 0;
  for (const IndexSample &sample : result.samples) occupancy += sample.occupancy / double(result.samples.size());
  EXPECT_NEAR(occupancy, 0.70, 0.03);
  EXPECT_GT(result.plain, 0.4) << "the reference has something to be better than";
  EXPECT_LE(result.ours, 0.5 * result.plain);
}

TEST(Fragmentation, TheSameSeedGivesTheSameFigures) {
  const ComparisonOptions options{
      .frames = 1u << 13, .operations = 60'000, .seed = 3, .samples = 20, .on_progress = {}};
  const Comparison one = compare_fragmentation(options), same = compare_fragmentation(options);
  EXPECT_EQ(one.ours, same.ours);
  EXPECT_EQ(one.plain, same.plain);
  EXPECT_GT(one.samples.size(), 10u);
}

} // namespace
} // namespace pagoda::measure
