#include "tools/measure/plain_buddy.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tools/measure/random.hpp"

namespace pagoda::measure {
namespace {

std::uint64_t free_frames(const PlainBuddy &buddy) {
  std::uint64_t frames = 0;
  const auto blocks = buddy.free_blocks();
  for (unsigned order = 0; order < blocks.size(); ++order) frames += blocks[order] << order;
  return frames;
}

TEST(PlainBuddy, BeginsAsTheFewestAlignedBlocks) {
  const auto blocks = PlainBuddy(1024 + 512 + 3).free_blocks();
  EXPECT_EQ(blocks[10], 1u);
  EXPECT_EQ(blocks[9], 1u);
  EXPECT_EQ(blocks[1], 1u);
  EXPECT_EQ(blocks[0], 1u);
  EXPECT_EQ(std::accumulate(blocks.begin(), blocks.end(), 0u), 4u);
}

TEST(PlainBuddy, SplitsTheSmallestBlockThatIsLargeEnough) {
  PlainBuddy buddy(1024 + 8);
  const auto frame = buddy.allocate(1);
  ASSERT_TRUE(frame);
  EXPECT_GE(*frame, 1024u) << "the large block stays whole";
  EXPECT_EQ(buddy.free_blocks()[10], 1u);
  EXPECT_EQ(free_frames(buddy), 1024u + 6);
}

TEST(PlainBuddy, RefusesWhatWasNotHandedOut) {
  PlainBuddy buddy(64);
  const auto frame = buddy.allocate(2);
  ASSERT_TRUE(frame);
  EXPECT_FALSE(buddy.free(*frame, 1)) << "wrong order";
  EXPECT_FALSE(buddy.free(*frame + 1, 2)) << "inside of a block";
  EXPECT_FALSE(buddy.free(1000, 0)) << "no frame";
  EXPECT_TRUE(buddy.free(*frame, 2));
  EXPECT_FALSE(buddy.free(*frame, 2)) << "a second time";
  EXPECT_FALSE(buddy.allocate(11));
}

TEST(PlainBuddy, EverythingMergesAgainInAnyOrder) {
  constexpr std::uint32_t kFrames = 2048;
  PlainBuddy buddy(kFrames);
  std::vector<std::pair<std::uint32_t, unsigned>> held;
  std::set<std::uint32_t> taken;
  Random random(3);
  for (;;) {
    const unsigned order = random.below(4);
    const auto frame = buddy.allocate(order);
    if (!frame) break;
    EXPECT_EQ(*frame % (1u << order), 0u);
    for (std::uint32_t i = 0; i < 1u << order; ++i) EXPECT_TRUE(taken.insert(*frame + i).second);
    held.emplace_back(*frame, order);
  }
  EXPECT_LT(free_frames(buddy), 8u);
  for (std::size_t i = held.size(); i > 1; --i) std::swap(held[i - 1], held[random.below(std::uint32_t(i))]);
  for (const auto &[frame, order] : held) EXPECT_TRUE(buddy.free(frame, order));
  EXPECT_EQ(buddy.free_blocks()[10], kFrames / 1024);
}

} // namespace
} // namespace pagoda::measure
