// Stacks that grow, and where they stop.
#include "tests/mmu/space/world.hpp"

namespace pagoda::fault {
namespace {

using space::kStackGuardPages;
using space::MapRequest;
using test::anonymous_at;
using test::kReadWrite;
using test::pages;
using test::touch;
using test::World;

constexpr Gva kTop{0x7ffff0000000};
constexpr Gva kStack = kTop - pages(32); // where it begins at first

class StackTest : public testing::Test {
protected:
  void SetUp() override {
    MapRequest request = anonymous_at(kStack, 32);
    request.area.grows_down = true;
    request.area.role = space::VmaRole::Stack;
    ASSERT_TRUE(world.space->map(request));
    limit(4096);
  }
  void TearDown() override { EXPECT_EQ(world.space->invariant(), ""); }
  void limit(std::uint64_t stack_pages, std::uint64_t all = ~0ull) {
    world.space->set_limits({.address_space = all, .stack = pages(stack_pages), .data = ~0ull});
  }
  Gva begin() { return world.space->areas().back().range.begin; }
  World world;
};

TEST_F(StackTest, ATouchBelowGrowsIt) {
  const auto outcome = resolve(*world.space, kStack - 8, Access::Write);
  EXPECT_EQ(outcome.which, Case::StackGrowth);
  EXPECT_EQ(outcome.pages, 16u);
  EXPECT_EQ(begin(), kStack - pages(16));
  EXPECT_EQ(touch(*world.space, kTop - pages(1000), Access::Read), Case::StackGrowth); // far below, too
  EXPECT_EQ(touch(*world.space, kTop - pages(500)), Case::DemandZero);
}

TEST_F(StackTest, TheLimitEndsIt) {
  limit(40); // not a multiple of the window: the last pages come one by one
  EXPECT_EQ(touch(*world.space, kTop - pages(33)), Case::StackGrowth);
  EXPECT_EQ(touch(*world.space, kTop - pages(40)), Case::StackGrowth);
  EXPECT_EQ(begin(), kTop - pages(40));
  EXPECT_EQ(touch(*world.space, kTop - pages(41)), Case::Guard);
  EXPECT_EQ(begin(), kTop - pages(40));
}

TEST_F(StackTest, TheAddressSpaceLimitHoldsForIt) {
  limit(4096, pages(34));
  EXPECT_EQ(touch(*world.space, kTop - pages(34)), Case::StackGrowth);
  EXPECT_EQ(touch(*world.space, kTop - pages(35)), Case::Guard);
}

TEST_F(StackTest, ItKeepsTheGuardGapAboveWhatLiesBelow) {
  const Gva below = kStack - pages(400);
  ASSERT_TRUE(world.space->map(anonymous_at(below - pages(1), 1)));
  EXPECT_EQ(touch(*world.space, below + pages(kStackGuardPages)), Case::StackGrowth);
  EXPECT_EQ(touch(*world.space, below + pages(kStackGuardPages - 1)), Case::Guard);
  EXPECT_EQ(touch(*world.space, below), Case::Guard);
  EXPECT_EQ(touch(*world.space, below - 8, Access::Read), Case::DemandZero);
}

TEST_F(StackTest, AnAreaWithoutRightsBelowIsItsOwnGuard) {
  const Gva below = kStack - pages(20);
  ASSERT_TRUE(world.space->map(anonymous_at(below - pages(4), 4, Prot::None)));
  EXPECT_EQ(touch(*world.space, below), Case::StackGrowth);
  EXPECT_EQ(touch(*world.space, below - 8), Case::Permission);
}

TEST_F(StackTest, MappingsStayOutOfTheGap) {
  world.space->set_mmap_top(kTop);
  MapRequest request = test::anonymous(1);
  EXPECT_LE(*world.space->map(request) + pages(1), kStack - pages(kStackGuardPages));
  request.hint = kStack - pages(2);
  EXPECT_NE(*world.space->map(request), kStack - pages(2));
}

TEST_F(StackTest, RecursionForEverEndsInTheGuard) {
  limit(2048);
  Gva at = kTop - 8;
  Case which = Case::DemandZero;
  std::uint64_t steps = 0;
  for (; Outcome{which, 0}.resolved() && steps < 100000; ++steps, at = at - 512) which = touch(*world.space, at);
  EXPECT_EQ(which, Case::Guard);
  EXPECT_EQ(kTop - begin(), pages(2048));
}

TEST_F(StackTest, HostCopiesGrowItLikeTheProgram) {
  std::uint64_t value = 5;
  EXPECT_TRUE(write_value(*world.space, kStack - 16, value));
  EXPECT_LT(begin(), kStack);
}

} // namespace
} // namespace pagoda::fault
