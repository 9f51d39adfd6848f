#include "mmu/table/invalidation_batch.hpp"

#include <gtest/gtest.h>

namespace pagoda::table {
namespace {

TEST(InvalidationBatchDeathTest, MustBeConsumed) {
  EXPECT_DEATH(
      {
        InvalidationBatch batch;
        batch.note({Gva(0x1000), Gfn(1), 1});
      },
      "flush is still owed");
  EXPECT_DEATH(
      {
        InvalidationBatch batch;
        batch.release_frame(Gfn(1));
      },
      "flush is still owed");
  EXPECT_DEATH(
      {
        InvalidationBatch batch;
        batch.retire_table(Gfn(1));
      },
      "flush is still owed");
}

TEST(InvalidationBatch, MovingLeavesAnEmptyOne) {
  InvalidationBatch first;
  first.note({Gva(0x1000), Gfn(1), 1});
  first.release_frame(Gfn(2));
  first.retire_table(Gfn(3));
  InvalidationBatch second = std::move(first);
  EXPECT_TRUE(first.empty()); // NOLINT(bugprone-use-after-move): what the move promises
  const InvalidationBatch::Contents contents = second.consume();
  EXPECT_EQ(contents.stale.size(), 1u);
  EXPECT_EQ(contents.frames, std::vector{Gfn(2)});
  EXPECT_EQ(contents.tables, std::vector{Gfn(3)});
  EXPECT_TRUE(second.empty());
}

} // namespace
} // namespace pagoda::table
