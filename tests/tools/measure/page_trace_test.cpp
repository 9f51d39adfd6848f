#include "tools/measure/page_trace.hpp"

#include <map>

#include <gtest/gtest.h>

namespace pagoda::measure {
namespace {

constexpr std::uint32_t kFrames = 1u << 14;
using Kind = PageOperation::Kind;

TEST(PageTrace, TheSameSeedGivesTheSameOperations) {
  PageTrace one(kFrames, 5), same(kFrames, 5), other(kFrames, 6);
  bool differs = false;
  for (int i = 0; i < 50'000; ++i) {
    const PageOperation a = one.next(), b = same.next(), c = other.next();
    ASSERT_EQ(std::tie(a.kind, a.type, a.order, a.id), std::tie(b.kind, b.type, b.order, b.id)) << i;
    differs |= std::tie(a.kind, a.type, a.order, a.id) != std::tie(c.kind, c.type, c.order, c.id);
  }
  EXPECT_TRUE(differs);
}

TEST(PageTrace, EndsWhatItBeganAndNothingElse) {
  PageTrace trace(kFrames, 1);
  std::map<std::uint32_t, PageOperation> live;
  std::uint64_t frames = 0;
  for (int i = 0; i < 200'000; ++i) {
    const PageOperation operation = trace.next();
    ASSERT_LT(operation.id, trace.ids());
    if (operation.kind == Kind::Allocate) {
      ASSERT_TRUE(live.emplace(operation.id, operation).second) << i;
      frames += 1u << operation.order;
    } else {
      const auto found = live.find(operation.id);
      ASSERT_NE(found, live.end()) << i;
      EXPECT_EQ(found->second.type, operation.type);
      EXPECT_EQ(found->second.order, operation.order);
      frames -= 1u << operation.order;
      live.erase(found);
    }
    ASSERT_EQ(frames, trace.live_frames());
  }
}

TEST(PageTrace, KeepsTheOccupancyThatItPromises) {
  PageTrace trace(kFrames, 2);
  double sum = 0, least = 1, most = 0;
  constexpr int kSettling = 200'000, kCounted = 400'000;
  int allocations = 0;
  for (int i = 0; i < kSettling; ++i) (void)trace.next();
  for (int i = 0; i < kCounted; ++i) {
    if (trace.next().kind == Kind::Free) continue;
    const double occupancy = double(trace.live_frames()) / kFrames;
    ++allocations;
    sum += occupancy;
    least = std::min(least, occupancy);
    most = std::max(most, occupancy);
  }
  EXPECT_NEAR(sum / allocations, 0.70, 0.03);
  EXPECT_LT(most, 0.97);
  EXPECT_LT(least, 0.35); // between two batches
}

TEST(PageTrace, EveryTypeHasItsShare) {
  PageTrace trace(kFrames, 3);
  std::map<PageType, int> allocations;
  for (int i = 0; i < 300'000; ++i)
    if (const PageOperation operation = trace.next(); operation.kind == Kind::Allocate) ++allocations[operation.type];
  for (const auto type : {PageType::Unmovable, PageType::Movable, PageType::Reclaimable, PageType::HighAtomic})
    EXPECT_GT(allocations[type], 1000) << int(type);
  EXPECT_GT(trace.live_frames(PageType::Unmovable), kFrames / 40);
  EXPECT_GT(trace.live_frames(PageType::Reclaimable), kFrames / 10);
}

} // namespace
} // namespace pagoda::measure
