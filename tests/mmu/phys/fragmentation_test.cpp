#include "mmu/phys/fragmentation.hpp"

#include <array>
#include <gtest/gtest.h>

namespace pagoda::phys {
namespace {

using Blocks = std::array<std::uint64_t, kMaxOrder + 1>;

TEST(Fragmentation, CountsWhatARequestCouldUse) {
  const Blocks blocks{3, 2, 1}; // 3 + 4 + 4 frames
  const ContiguousFree free = contiguous_free(blocks, 1);
  EXPECT_EQ(free.frames, 11u);
  EXPECT_EQ(free.blocks, 6u);
  EXPECT_EQ(free.suitable, 4u); // two of order 1, and the order 2 twice
}

TEST(Fragmentation, UnusableIsTheShareInTooSmallBlocks) {
  const Blocks blocks{3, 2, 1};
  EXPECT_EQ(unusable_free_index(blocks, 0), 0u);
  EXPECT_EQ(unusable_free_index(blocks, 1), 3u * 1000 / 11);
  EXPECT_EQ(unusable_free_index(blocks, 2), 7u * 1000 / 11);
  EXPECT_EQ(unusable_free_index(blocks, 3), 1000u);
  EXPECT_EQ(unusable_free_index(Blocks{}, 0), 1000u);
}

TEST(Fragmentation, UnusableGrowsWithTheOrder) {
  const Blocks blocks{100, 30, 7, 9, 4, 1, 0, 2, 0, 1, 3};
  unsigned last = 0;
  for (Order order = 0; order <= kMaxOrder; ++order) {
    const unsigned index = unusable_free_index(blocks, order);
    EXPECT_GE(index, last);
    last = index;
  }
}

TEST(Fragmentation, IndexTellsLackFromScatter) {
  EXPECT_EQ(fragmentation_index(Blocks{3, 2, 1}, 2), -1000); // it would succeed
  EXPECT_EQ(fragmentation_index(Blocks{}, 4), 0);            // nothing is free at all
  EXPECT_EQ(fragmentation_index(Blocks{1}, 9), 1000 - (1000 + 1000 / 512));
  // A thousand scattered frames would be enough for order 9, were they together: 1000 - (1000 + 1953) / 1000.
  EXPECT_EQ(fragmentation_index(Blocks{1000}, 9), 998);
  EXPECT_EQ(fragmentation_index(Blocks{1, 1}, 2), 1000 - (1000 + 750) / 2);
  EXPECT_EQ(fragmentation_index(Blocks{5}, kMaxOrder + 1), 0); // beyond what the buddy has
}

TEST(Fragmentation, OnlyARequestThatSucceedsGivesTheLowestIndex) {
  for (std::uint64_t singles = 1; singles < 12; ++singles)
    for (std::uint64_t pairs = 0; pairs < 4; ++pairs)
      for (Order order = 2; order <= kMaxOrder; ++order) {
        const int index = fragmentation_index(Blocks{singles, pairs}, order);
        EXPECT_LT(index, 1000);
        EXPECT_GT(index, -1000) << singles << " and " << pairs << " for order " << int(order);
      }
}

} // namespace
} // namespace pagoda::phys
