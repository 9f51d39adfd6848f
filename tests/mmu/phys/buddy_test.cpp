#include "mmu/phys/buddy.hpp"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace pagoda::phys {
namespace {

// A buddy over plain descriptors, beside a model that knows for each frame which block took it.
class BuddyTest : public testing::Test {
protected:
  static constexpr std::uint64_t kFrames = 5000;
  std::unique_ptr<Frame[]> frames_ = std::make_unique<Frame[]>(kFrames);
  Buddy buddy_{std::span(frames_.get(), kFrames)};
  struct Block {
    Gfn head;
    Order order;
  };
  std::vector<Block> blocks_;
  std::vector<bool> taken_ = std::vector<bool>(kFrames);

  void take(Gfn head, Order order) {
    EXPECT_EQ(head.number() % (1ull << order), 0u);
    for (std::uint64_t i = 0; i < 1ull << order; ++i) {
      ASSERT_TRUE(buddy_.manages(head + i)) << "frame " << head.number() + i << " is not ours";
      ASSERT_FALSE(taken_[head.number() + i]) << "frame " << head.number() + i << " was handed out twice";
      taken_[head.number() + i] = true;
    }
    blocks_.push_back({head, order});
  }
  void give_back(std::size_t index) {
    const Block block = blocks_[index];
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
    EXPECT_TRUE(buddy_.free(block.head));
    for (std::uint64_t i = 0; i < 1ull << block.order; ++i) taken_[block.head.number() + i] = false;
  }
  std::vector<std::uint64_t> blocks_by_order() const {
    std::vector<std::uint64_t> result;
    for (unsigned order = 0; order <= kMaxOrder; ++order) result.push_back(buddy_.free_blocks(Order(order)));
    return result;
  }
};

TEST_F(BuddyTest, RandomOperationsAgainstAModel) {
  buddy_.add({Gfn(1), Gfn(2500)});
  buddy_.add({Gfn(3072), Gfn(4999)});
  const std::vector<std::uint64_t> at_first = blocks_by_order();
  std::mt19937 random(1);
  std::uint64_t used = 0;
  for (int step = 0; step < 4000; ++step) {
    // Swings between nearly full and nearly empty.
    const bool fill = (step / 500) % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    if (fill || blocks_.empty()) {
      const Order order = Order(random() % 8 == 0 ? random() % (kMaxOrder + 1) : random() % 4);
      const std::optional<Gfn> head = buddy_.allocate(order);
      if (head) {
        take(*head, order);
        used += 1ull << order;
      }
    } else {
      const std::size_t which = random() % blocks_.size();
      used -= 1ull << blocks_[which].order;
      give_back(which);
    }
    ASSERT_EQ(buddy_.invariant(), "") << "after step " << step;
    ASSERT_EQ(buddy_.free_frames() + used, buddy_.managed());
  }
  while (!blocks_.empty()) give_back(blocks_.size() - 1);
  EXPECT_EQ(buddy_.invariant(), "");
  EXPECT_EQ(blocks_by_order(), at_first) << "everything merged again";
}

TEST_F(BuddyTest, ExhaustionAndReturn) {
  buddy_.add({Gfn(3), Gfn(3000)});
  const std::vector<std::uint64_t> at_first = blocks_by_order();
  while (const std::optional<Gfn> frame = buddy_.allocate(0)) take(*frame, 0);
  EXPECT_EQ(blocks_.size(), 2997u);
  EXPECT_EQ(buddy_.free_frames(), 0u);
  EXPECT_FALSE(buddy_.allocate(3));
  while (!blocks_.empty()) give_back(0);
  EXPECT_EQ(buddy_.free_frames(), 2997u);
  EXPECT_EQ(blocks_by_order(), at_first);
  EXPECT_EQ(buddy_.invariant(), "");
}

TEST_F(BuddyTest, RefusesEveryWrongFree) {
  buddy_.add({Gfn(0), Gfn(4096)});
  const Gfn block = *buddy_.allocate(4);
  const Gfn single = *buddy_.allocate(0);
  EXPECT_FALSE(buddy_.free(block + 1)) << "the middle of a block";
  EXPECT_FALSE(buddy_.free(Gfn(4095))) << "never fed";
  EXPECT_FALSE(buddy_.free(Gfn(4500))) << "described but not added";
  EXPECT_FALSE(buddy_.free(Gfn(kFrames))) << "beyond the descriptors";
  EXPECT_FALSE(buddy_.free(Gfn(~0ull)));
  EXPECT_TRUE(buddy_.free(single));
  EXPECT_FALSE(buddy_.free(single)) << "a second time";
  EXPECT_TRUE(buddy_.free(block));
  EXPECT_FALSE(buddy_.free(block)) << "a second time, merged meanwhile";
  EXPECT_EQ(buddy_.free_frames(), 4096u);
  EXPECT_EQ(buddy_.invariant(), "");
}

TEST_F(BuddyTest, OrdersAboveTheHighestAreRefused) {
  buddy_.add({Gfn(0), Gfn(4096)});
  EXPECT_FALSE(buddy_.allocate(kMaxOrder + 1));
  EXPECT_FALSE(buddy_.allocate(255));
  EXPECT_TRUE(buddy_.allocate(kMaxOrder));
}

TEST_F(BuddyTest, ASplitBlockComesBackFrameByFrame) {
  buddy_.add({Gfn(0), Gfn(1024)});
  const Gfn head = *buddy_.allocate(5);
  buddy_.split_used(head);
  EXPECT_EQ(buddy_.invariant(), "");
  for (std::uint64_t i = 0; i < 32; i += 2) EXPECT_TRUE(buddy_.free(head + i));
  EXPECT_EQ(buddy_.invariant(), "");
  for (std::uint64_t i = 1; i < 32; i += 2) EXPECT_TRUE(buddy_.free(head + i));
  EXPECT_EQ(buddy_.free_blocks(kMaxOrder), 1u);
  EXPECT_EQ(buddy_.invariant(), "");
}

TEST_F(BuddyTest, TheInvariantSeesDamage) {
  buddy_.add({Gfn(0), Gfn(1024)});
  const Gfn head = *buddy_.allocate(0);
  frames_[head.number()].block = BlockState::Body;
  EXPECT_NE(buddy_.invariant(), "");
  frames_[head.number()].block = BlockState::Used;
  ASSERT_EQ(buddy_.invariant(), "");
  frames_[512].order = 3; // heads the free upper half
  EXPECT_NE(buddy_.invariant(), "");
}

} // namespace
} // namespace pagoda::phys
