// Where the pages of a program come from on a machine with nodes, and moving them.
#include "mmu/space/task_policy.hpp"
#include "tests/mmu/space/nodes.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using phys::NodeId;
using phys::NodeMask;
using test::anonymous_at;
using test::pages;
using test::peek;
using test::poke;
using test::range_of;

constexpr Gva kAt{0x40000000};
constexpr std::uint64_t kNode = 16ull << 20; // bytes of a node

class Numa : public ::testing::Test {
protected:
  Numa() : world(test::nodes_of(3, kNode)), space(*world.space) {
    phys::set_local_node(0);
    set_task_policy({});
  }
  ~Numa() override {
    phys::set_local_node(0);
    set_task_policy({});
    EXPECT_EQ(space.invariant(), "");
  }
  static Mempolicy policy(PolicyMode mode, std::uint64_t nodes) {
    return *Mempolicy::make(mode, PolicyFlags::None, NodeMask(nodes), NodeMask(7));
  }
  Gva map(std::uint64_t count) {
    EXPECT_EQ(space.map(anonymous_at(kAt, count)), kAt);
    return kAt;
  }
  void touch_all(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) poke(space, kAt + pages(i), i + 1);
  }
  void expect_contents(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(peek(space, kAt + pages(i)), i + 1);
  }
  NodeId node(std::uint64_t page) {
    const auto leaf = space.query(kAt + pages(page));
    return leaf ? world.memory->node_of(leaf->frame).value_or(99) : 98;
  }
  std::array<std::uint64_t, 3> spread(std::uint64_t count) {
    const NumaFigures figures = space.numa_figures(range_of(kAt, count));
    return {figures.by_node[0], figures.by_node[1], figures.by_node[2]};
  }
  using Spread = std::array<std::uint64_t, 3>;

  test::World world;
  Space &space;
};

TEST_F(Numa, TheLocalNodeIsTheDefault) {
  map(16);
  phys::set_local_node(2);
  touch_all(16);
  EXPECT_EQ(spread(16), (Spread{0, 0, 16}));
}

TEST_F(Numa, TheTaskDecidesWhereTheAreaDoesNot) {
  map(32);
  ASSERT_TRUE(space.set_policy(range_of(kAt + pages(16), 16), policy(PolicyMode::Bind, 0b100)));
  set_task_policy(policy(PolicyMode::Preferred, 0b010));
  touch_all(32);
  EXPECT_EQ(spread(16), (Spread{0, 16, 0}));
  EXPECT_EQ(spread(32), (Spread{0, 16, 16}));
}

TEST_F(Numa, InterleavingGoesByPlaceWhateverIsTouchedFirst) {
  map(48);
  ASSERT_TRUE(space.set_policy(range_of(kAt, 48), policy(PolicyMode::Interleave, 0b101)));
  poke(space, kAt + pages(33), 1);
  touch_all(48);
  EXPECT_EQ(spread(48), (Spread{24, 0, 24}));
  const std::uint64_t first = kAt.value() >> kPageShift;
  for (std::uint64_t i = 0; i < 48; ++i) EXPECT_EQ(node(i), (first + i) % 2 == 0 ? 0 : 2) << i;
}

TEST_F(Numa, BindingEndsWithItsNodesAndPreferringGoesOn) {
  const std::uint64_t most = kNode >> kPageShift;
  map(2 * most);
  ASSERT_TRUE(space.set_policy(range_of(kAt, 2 * most), policy(PolicyMode::Bind, 0b010)));
  std::uint64_t had = 0;
  while (had < 2 * most && test::touch(space, kAt + pages(had)) != fault::Case::OutOfMemory) ++had;
  EXPECT_LE(had, most);
  EXPECT_GT(had, most - 16);
  EXPECT_EQ(spread(2 * most), (Spread{0, had, 0}));
  ASSERT_TRUE(space.set_policy(range_of(kAt, 2 * most), policy(PolicyMode::Preferred, 0b010)));
  EXPECT_NE(test::touch(space, kAt + pages(had)), fault::Case::OutOfMemory);
  EXPECT_NE(node(had), 1);
}

TEST_F(Numa, ManyPreferredNodesFillBeforeOthers) {
  const std::uint64_t most = kNode >> kPageShift;
  map(3 * most);
  ASSERT_TRUE(space.set_policy(range_of(kAt, 3 * most), policy(PolicyMode::PreferredMany, 0b110)));
  for (std::uint64_t i = 0; i < 2 * most + 64; ++i)
    ASSERT_NE(test::touch(space, kAt + pages(i)), fault::Case::OutOfMemory) << i;
  const Spread where = spread(3 * most);
  EXPECT_GT(where[1], most - 64);
  EXPECT_GT(where[2], most - 64);
  EXPECT_GT(where[0], 0u);
}

TEST_F(Numa, AreasSplitAndJoinByPolicy) {
  map(8);
  ASSERT_TRUE(space.set_policy(range_of(kAt + pages(2), 2), policy(PolicyMode::Bind, 1)));
  EXPECT_EQ(space.areas().size(), 3u);
  EXPECT_EQ(space.policy_at(kAt + pages(2))->mode(), PolicyMode::Bind);
  EXPECT_TRUE(space.policy_at(kAt)->is_default());
  ASSERT_TRUE(space.set_policy(range_of(kAt, 8), Mempolicy()));
  EXPECT_EQ(space.areas().size(), 1u);
  EXPECT_EQ(space.set_policy(range_of(kAt, 9), policy(PolicyMode::Bind, 1)).error(), Error::NotMapped);
  EXPECT_TRUE(space.set_policy(range_of(kAt, 9), Mempolicy())) << "the default forgives holes";
  EXPECT_EQ(space.set_policy(range_of(kAt + pages(100), 9), Mempolicy()).error(), Error::NotMapped);
}

TEST_F(Numa, SharedMemoryKeepsItsPolicyForEverybody) {
  auto request = anonymous_at(kAt, 32);
  request.area.shared = true;
  ASSERT_TRUE(space.map(request));
  ASSERT_TRUE(space.set_policy(range_of(kAt, 32), policy(PolicyMode::Interleave, 0b111)));
  const auto child = *space.fork(2);
  for (std::uint64_t i = 0; i < 32; ++i) poke(*child, kAt + pages(i), 1);
  touch_all(32);
  EXPECT_EQ(spread(32), (Spread{11, 11, 10}));
  EXPECT_EQ(child->policy_at(kAt)->mode(), PolicyMode::Interleave);
}

TEST_F(Numa, PagesMoveWithTheirContentsAndOweOneFlush) {
  map(100);
  touch_all(100);
  const auto in_use = world.memory.in_use();
  const auto moved = space.migrate(range_of(kAt, 100), [](const Vma &, Gva, NodeId) { return Mempolicy::only(2); });
  EXPECT_EQ(moved.moved, 100u);
  EXPECT_EQ(moved.failed, 0u);
  EXPECT_EQ(spread(100), (Spread{0, 0, 100}));
  expect_contents(100);
  EXPECT_EQ(world.memory.in_use(), in_use);
  EXPECT_EQ(world.invalidator.counters().batches, 2u) << "64 pages and 36";
  EXPECT_EQ(world.memory->invariant(), "");
}

TEST_F(Numa, PinnedAndSharedPagesStay) {
  map(3);
  touch_all(3);
  auto pinned = fault::pin(space, kAt, kPageSize, Access::Write);
  ASSERT_EQ(pinned.bytes(), kPageSize);
  const auto moved = space.migrate(range_of(kAt, 3), [](const Vma &, Gva, NodeId) { return Mempolicy::only(1); });
  EXPECT_EQ(moved.moved, 2u);
  EXPECT_EQ(moved.failed, 1u);
  EXPECT_EQ(spread(3), (Spread{1, 2, 0}));
}

TEST_F(Numa, OutOfMemoryAtAnyStepOfAMoveLosesNothing) {
  map(20);
  touch_all(20);
  for (std::uint64_t step = 1; step <= 21; ++step) {
    const NodeId to = NodeId(1 + step % 2);
    failpoint::frame_allocation.fail_at(step);
    const auto moved = space.migrate(range_of(kAt, 20), [&](const Vma &, Gva, NodeId at) {
      return at == to ? std::nullopt : std::optional(Mempolicy::only(to));
    });
    failpoint::frame_allocation.fail_at(0);
    EXPECT_EQ(moved.failed, step <= 20 ? 1u : 0u) << step;
    expect_contents(20);
    EXPECT_EQ(space.invariant(), "");
    (void)space.migrate(range_of(kAt, 20), [&](const Vma &, Gva, NodeId) { return Mempolicy::only(to); });
  }
}

TEST_F(Numa, CountersTellHitsMissesAndInterleaving) {
  map(48);
  const auto before = world.memory->figures().nodes;
  ASSERT_TRUE(space.set_policy(range_of(kAt, 16), policy(PolicyMode::Interleave, 0b011)));
  ASSERT_TRUE(space.set_policy(range_of(kAt + pages(16), 16), policy(PolicyMode::Bind, 0b100)));
  touch_all(32);
  const auto after = world.memory->figures().nodes;
  EXPECT_EQ(after[0].interleave_hit - before[0].interleave_hit, 8u);
  EXPECT_EQ(after[1].interleave_hit - before[1].interleave_hit, 8u);
  EXPECT_EQ(after[2].numa_hit - before[2].numa_hit, 16u) << "bound elsewhere is no miss";
  EXPECT_EQ(after[2].numa_miss - before[2].numa_miss, 0u);
  EXPECT_EQ(after[2].other_node - before[2].other_node, 16u);
}

} // namespace
} // namespace pagoda::space
