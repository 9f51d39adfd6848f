#include "mmu/phys/buddy.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace pagoda::phys {
namespace {

constexpr std::uint64_t kFrames = 5120;

// A buddy beside a model that knows for each frame whether somebody has it.
struct Modelled {
  explicit Modelled(BuddyOptions options = {}) : buddy(table.span(), {Gfn(0), Gfn(kFrames)}, options) {}

  struct Held {
    Gfn head;
    Order order;
  };
  Metadata<PageBlock> table{kFrames / kPageblockFrames};
  Buddy buddy;
  std::vector<Held> blocks;
  std::vector<bool> taken = std::vector<bool>(kFrames);

  void take(Gfn head, Order order) {
    ASSERT_EQ(head.number() % frames_in(order), 0u);
    for (std::uint64_t i = 0; i < frames_in(order); ++i) {
      ASSERT_TRUE(buddy.manages(head + i)) << "frame " << head.number() + i << " is not ours";
      ASSERT_FALSE(taken[head.number() + i]) << "frame " << head.number() + i << " was handed out twice";
      taken[head.number() + i] = true;
    }
    blocks.push_back({head, order});
  }
  bool allocate(Order order, Migratetype type) {
    const std::optional<Gfn> head = buddy.allocate(order, type);
    if (head) take(*head, order);
    return head.has_value();
  }
  void give_back(std::size_t index) {
    const Held block = blocks[index];
    blocks[index] = blocks.back();
    blocks.pop_back();
    EXPECT_TRUE(buddy.free(block.head, block.order));
    EXPECT_FALSE(buddy.free(block.head, block.order)) << "a second time";
    for (std::uint64_t i = 0; i < frames_in(block.order); ++i) taken[block.head.number() + i] = false;
  }
  void give_all_back() {
    while (!blocks.empty()) give_back(blocks.size() - 1);
  }
  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const Held &block : blocks) sum += frames_in(block.order);
    return sum;
  }
  [[nodiscard]] std::vector<std::uint64_t> blocks_by_order() const {
    std::vector<std::uint64_t> result;
    for (unsigned order = 0; order <= kLargestOrder; ++order) result.push_back(buddy.free_blocks(Order(order)));
    return result;
  }
};

class BuddyModel : public testing::TestWithParam<BuddyOptions> {};

TEST_P(BuddyModel, RandomOperations) {
  Modelled world(GetParam());
  Buddy &buddy = world.buddy;
  buddy.add({Gfn(1), Gfn(2500)});
  buddy.add({Gfn(3072), Gfn(5119)});
  const auto at_first = world.blocks_by_order();
  std::mt19937 random(1);
  for (int step = 0; step < 4000; ++step) {
    // Swings between nearly full and nearly empty.
    const bool fill = (step / 500) % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    const auto type = Migratetype(random() % kMobilities);
    const Gfn somewhere(1 + random() % 2499);
    if (random() % 16 == 0) {
      switch (random() % 4) {
      case 0: buddy.set_type(somewhere, type); break;
      case 1: (void)buddy.reserve_high_atomic(somewhere); break;
      case 2: (void)buddy.unreserve_high_atomic(type); break;
      case 3:
        const auto order = Order(random() % 3);
        if (const auto head = buddy.allocate_own(order, Migratetype::HighAtomic)) {
          ASSERT_EQ(buddy.type_of(*head), Migratetype::HighAtomic);
          world.take(*head, order);
        }
        break;
      }
    } else if (fill || world.blocks.empty()) {
      (void)world.allocate(Order(random() % 8 == 0 ? random() % (kMaxOrder + 1) : random() % 4), type);
    } else {
      world.give_back(random() % world.blocks.size());
    }
    ASSERT_EQ(buddy.invariant(), "") << "after step " << step;
    ASSERT_EQ(buddy.free_frames() + world.used(), buddy.managed());
  }
  world.give_all_back();
  while (buddy.unreserve_high_atomic(Migratetype::Movable)) {}
  EXPECT_EQ(buddy.invariant(), "");
  EXPECT_EQ(buddy.free_frames(), buddy.managed());
}
INSTANTIATE_TEST_SUITE_P(Options, BuddyModel,
                         testing::Values(BuddyOptions{}, BuddyOptions{.max_order = 9},
                                         BuddyOptions{.max_order = kLargestOrder},
                                         BuddyOptions{.max_order = 10, .group_by_mobility = false}));
} // namespace
} // namespace pagoda::phys
