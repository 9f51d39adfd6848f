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

TEST(Fork, PrivatePagesAreCopiedAndSharedOnesShared) {
  World world;
  Space &parent = *world.space;
  ASSERT_TRUE(parent.map(anonymous_at(kAt, 100)));
  MapRequest shared = anonymous_at(kAt + pages(200), 4);
  shared.area.shared = true;
  ASSERT_TRUE(parent.map(shared));
  for (std::uint64_t i = 0; i < 100; i += 3) poke(parent, kAt + pages(i), i);
  poke(parent, kAt + pages(200), 1);

  const auto child = *parent.fork(2);
  EXPECT_EQ(child->invariant(), "");
  EXPECT_NE(child->root(), parent.root());
  EXPECT_EQ(child->usage().virtual_pages, parent.usage().virtual_pages);
  poke(parent, kAt + pages(3), 1000);
  poke(*child, kAt + pages(6), 2000);
  EXPECT_EQ(peek(*child, kAt + pages(3)), 3u);
  EXPECT_EQ(peek(parent, kAt + pages(6)), 6u);
  poke(*child, kAt + pages(200), 2);
  EXPECT_EQ(peek(parent, kAt + pages(200)), 2u);
  const Gfn own = child->query(kAt)->frame;
  EXPECT_EQ(world.memory->frame(own).owner, 2u);
  EXPECT_EQ(world.memory->frame(own).refs.load(), 1u);
}

TEST(Fork, RightsOffsetsAndTheBreakCarryOver) {
  World world;
  Space &parent = *world.space;
  auto file = std::make_shared<test::FakeFile>(pages(8));
  MapRequest request = anonymous_at(kAt, 4, Prot::Read);
  request.area.file = file;
  request.area.file_offset = pages(2);
  ASSERT_TRUE(parent.map(request));
  parent.set_break_start(kAt + pages(100));
  parent.set_break(kAt + pages(101));
  poke(parent, kAt + pages(100), 4);
  ASSERT_TRUE(parent.protect(range_of(kAt + pages(100), 1), Prot::None));
  const auto child = *parent.fork(2);
  EXPECT_EQ(peek(*child, kAt + pages(1)), file->word(pages(3)));
  EXPECT_EQ(child->current_break(), kAt + pages(101));
  EXPECT_FALSE(any(child->query(kAt + pages(100))->prot & test::kReadWrite));
  ASSERT_TRUE(child->protect(range_of(kAt + pages(100), 1), Prot::Read));
  EXPECT_EQ(peek(*child, kAt + pages(100)), 4u);
}

TEST(Fork, AreasMayBeLeftOutOrWiped) {
  World world;
  Space &parent = *world.space;
  ASSERT_TRUE(parent.map(anonymous_at(kAt, 3)));
  for (std::uint64_t i = 0; i < 3; ++i) poke(parent, kAt + pages(i), 1);
  ASSERT_TRUE(parent.set_fork_behaviour(range_of(kAt, 1), ForkBehaviour::Omit));
  ASSERT_TRUE(parent.set_fork_behaviour(range_of(kAt + pages(1), 1), ForkBehaviour::Wipe));
  const auto child = *parent.fork(2);
  EXPECT_EQ(test::touch(*child, kAt), fault::Case::NoArea);
  EXPECT_EQ(peek(*child, kAt + pages(1)), 0u);
  EXPECT_EQ(peek(*child, kAt + pages(2)), 1u);
  EXPECT_EQ(peek(parent, kAt), 1u);
}

TEST(Fork, TheParentMayEndFirst) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 4)));
  poke(*world.space, kAt, 3);
  const auto child = *world.space->fork(2);
  world.space.reset();
  EXPECT_EQ(peek(*child, kAt), 3u);
  EXPECT_EQ(child->invariant(), "");
}

} // namespace
} // namespace pagoda::space
