// Memory runs out at every possible step of an operation: the space stays whole, nothing is lost.
#include <algorithm>
#include <functional>

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::anonymous_at;
using test::pages;
using test::peek;
using test::poke;
using test::range_of;
using test::World;

constexpr Gva kAt{0x10000000};

enum class Site : std::uint8_t { Frame, Table };
failpoint::Site &site(Site which) {
  return which == Site::Frame ? failpoint::frame_allocation : failpoint::table_allocation;
}

// Runs `attempt` with the n-th allocation failing, for n = 1, 2, … until it gets through; `check`
// sees the world after each failure.
void at_every_step(Site which, World &world, const std::function<bool()> &attempt, const std::function<void()> &check) {
  for (unsigned n = 1; n < 2000; ++n) {
    world.invalidator.drain();
    const auto before = world.memory.in_use();
    site(which).fail_at(n);
    const bool done = attempt();
    site(which).fail_at(0);
    if (done) {
      EXPECT_GT(n, 1u) << "nothing was allocated";
      return;
    }
    world.invalidator.drain();
    ASSERT_EQ(world.memory.in_use(), before) << n;
    ASSERT_EQ(world.space->invariant(), "") << n;
    ASSERT_EQ(world.memory->invariant(), "") << n;
    check();
    if (testing::Test::HasFailure()) FAIL() << "at step " << n;
  }
  FAIL() << "never succeeded";
}

class OutOfMemoryTest : public testing::TestWithParam<Site> {
protected:
  void fill_parent() {
    // Two distant areas, so that tables of each level are needed again.
    for (const Gva at : {kAt, Gva(0x7e0000000000)}) {
      ASSERT_TRUE(world.space->map(anonymous_at(at, 40)));
      for (std::uint64_t i = 0; i < 40; ++i) poke(*world.space, at + pages(i), i + 1);
    }
  }
  void expect_parent() {
    for (const Gva at : {kAt, Gva(0x7e0000000000)})
      for (std::uint64_t i = 0; i < 40; ++i) ASSERT_EQ(peek(*world.space, at + pages(i)), i + 1) << i;
  }
  World world;
};

TEST_P(OutOfMemoryTest, Fork) {
  fill_parent();
  std::shared_ptr<Space> child;
  at_every_step(
      GetParam(), world,
      [&] {
        auto forked = world.space->fork(2);
        if (!forked) {
          EXPECT_EQ(forked.error(), Error::OutOfMemory);
          return false;
        }
        child = *forked;
        return true;
      },
      [&] { expect_parent(); });
  ASSERT_TRUE(child);
  EXPECT_EQ(peek(*child, kAt + pages(39)), 40u);
}

TEST_P(OutOfMemoryTest, MapAndTouch) {
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 16)));
  at_every_step(
      GetParam(), world, [&] { return fault::resolve(*world.space, kAt + pages(5), Access::Write).resolved(); },
      [&] {
        EXPECT_EQ(world.space->usage().resident_pages, 0u);
        EXPECT_EQ(world.space->areas().size(), 1u);
      });
  EXPECT_EQ(peek(*world.space, kAt + pages(5)), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sites, OutOfMemoryTest, testing::Values(Site::Frame, Site::Table));

TEST(OutOfMemory, Create) {
  World world;
  at_every_step(
      Site::Table, world, [&] { return Space::create(*world.memory, world.invalidator, {}, 3).has_value(); }, [] {});
}

TEST(OutOfMemory, Remap) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 40)));
  ASSERT_TRUE(world.space->map(anonymous_at(kAt + pages(40), 1, Prot::Read)));
  for (std::uint64_t i = 0; i < 40; ++i) poke(*world.space, kAt + pages(i), i + 1);
  Gva to{};
  at_every_step(
      Site::Table, world,
      [&] {
        const auto moved = world.space->remap(kAt, pages(40), pages(60), RemapFlags::MayMove, {});
        EXPECT_TRUE(moved || moved.error() == Error::OutOfMemory);
        to = moved.value_or(Gva(0));
        return moved.has_value();
      },
      [&] {
        for (std::uint64_t i = 0; i < 40; ++i) ASSERT_EQ(peek(*world.space, kAt + pages(i)), i + 1) << i;
      });
  EXPECT_EQ(peek(*world.space, to + pages(39)), 40u);
}

TEST(OutOfMemory, NeighboursWaitWhenMemoryIsShort) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 16)));
  failpoint::frame_allocation.fail_at(4);
  const auto outcome = fault::resolve(*world.space, kAt + pages(9), Access::Write);
  EXPECT_EQ(outcome.which, fault::Case::DemandZero);
  EXPECT_EQ(outcome.pages, 1u);
  EXPECT_TRUE(world.space->query(kAt + pages(9)));
}

TEST(OutOfMemory, AMachineThatIsFullSaysSoAndRecovers) {
  World world(2 << 20);
  const auto before = world.memory.in_use();
  MapRequest request = anonymous_at(kAt, 1024);
  request.area.no_reserve = true;
  ASSERT_TRUE(world.space->map(request));
  std::uint64_t page = 0;
  while (fault::resolve(*world.space, kAt + pages(page), Access::Write).resolved()) ++page;
  EXPECT_GT(page, 400u);
  EXPECT_LT(page, 512u);
  EXPECT_EQ(world.memory->counters().free, 0u);
  EXPECT_EQ(world.space->fork(2).error(), Error::OutOfMemory);
  std::vector<std::byte> zeroes(pages(1024));
  EXPECT_EQ(fault::copy_out(*world.space, kAt, zeroes), pages(page));
  ASSERT_TRUE(world.space->unmap(range_of(kAt, 1024)));
  world.invalidator.drain();
  EXPECT_EQ(world.memory.in_use(), before);
  EXPECT_EQ(world.memory->invariant(), "");
}

} // namespace
} // namespace pagoda::space
