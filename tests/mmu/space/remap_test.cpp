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
constexpr Gva kThere{0x20000000};
constexpr auto kMove = RemapFlags::MayMove;
constexpr auto kFixed = RemapFlags::MayMove | RemapFlags::Fixed;
constexpr auto kKeep = RemapFlags::MayMove | RemapFlags::DontUnmap;

class RemapTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(space().map(anonymous_at(kAt, 8)));
    for (std::uint64_t i = 0; i < 8; ++i) poke(space(), kAt + pages(i), 100 + i);
  }
  void TearDown() override { EXPECT_EQ(space().invariant(), ""); }
  Space &space() { return *world.space; }
  Error error(Gva at, std::uint64_t old_pages, std::uint64_t new_pages, RemapFlags flags, Gva fixed = {}) {
    const auto result = space().remap(at, pages(old_pages), pages(new_pages), flags, fixed);
    EXPECT_FALSE(result.has_value());
    return result ? Error::Busy : result.error();
  }
  void expect_stamps(Gva at, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(peek(space(), at + pages(i)), 100 + first + i) << i;
  }
  World world;
};

TEST_F(RemapTest, ShrinksInPlace) {
  EXPECT_EQ(*space().remap(kAt, pages(8), pages(3), RemapFlags::None, {}), kAt);
  EXPECT_EQ(space().areas().at(0).range, range_of(kAt, 3));
  EXPECT_EQ(space().usage().resident_pages, 3u);
}

TEST_F(RemapTest, GrowsInPlaceWhereThereIsRoom) {
  EXPECT_EQ(*space().remap(kAt, pages(8), pages(20), RemapFlags::None, {}), kAt);
  expect_stamps(kAt, 0, 8);
  EXPECT_EQ(peek(space(), kAt + pages(19)), 0u);
}

TEST_F(RemapTest, MovesFramesWithoutCopying) {
  ASSERT_TRUE(space().map(anonymous_at(kAt + pages(8), 1, Prot::Read)));
  EXPECT_EQ(error(kAt, 8, 9, RemapFlags::None), Error::OutOfMemory);
  const Gfn frame = space().query(kAt + pages(2))->frame;
  const auto allocations = world.memory->counters().by_kind[std::size_t(phys::FrameKind::Anonymous)];
  const Gva to = *space().remap(kAt, pages(8), pages(9), kMove, {});
  EXPECT_NE(to, kAt);
  EXPECT_EQ(space().query(to + pages(2))->frame, frame);
  EXPECT_EQ(world.memory->counters().by_kind[std::size_t(phys::FrameKind::Anonymous)], allocations);
  EXPECT_FALSE(space().query(kAt));
  expect_stamps(to, 0, 8);
  EXPECT_FALSE(world.carrier.calls.empty());
  EXPECT_EQ(world.carrier.calls.back().stale.size(), 8u); // the old addresses
}

TEST_F(RemapTest, FixedReplacesAndCutsTheTail) {
  ASSERT_TRUE(space().map(anonymous_at(kThere, 8)));
  poke(space(), kThere + pages(1), 55);
  EXPECT_EQ(*space().remap(kAt, pages(8), pages(4), kFixed, kThere), kThere);
  expect_stamps(kThere, 0, 4);
  EXPECT_FALSE(space().query(kAt + pages(5)));
  ASSERT_EQ(space().areas().size(), 1u);
  EXPECT_EQ(space().areas().at(0).range, range_of(kThere, 8));
  EXPECT_EQ(*space().remap(kThere + pages(1), pages(2), pages(6), kFixed, kAt), kAt);
  expect_stamps(kAt, 1, 2);
  EXPECT_EQ(peek(space(), kAt + pages(5)), 0u);
}

TEST_F(RemapTest, DontUnmapLeavesAnEmptyAreaBehind) {
  const Gva to = *space().remap(kAt, pages(8), pages(8), kKeep, {});
  expect_stamps(to, 0, 8);
  EXPECT_EQ(peek(space(), kAt + pages(3)), 0u);
  EXPECT_EQ(space().usage().virtual_pages, 16u);
}

TEST_F(RemapTest, OldLengthZeroMapsASharedAreaAgain) {
  MapRequest request = anonymous_at(kThere, 4);
  request.area.shared = true;
  ASSERT_TRUE(space().map(request));
  poke(space(), kThere + pages(2), 77);
  const Gva again = *space().remap(kThere + pages(1), 0, pages(3), kMove, {});
  EXPECT_EQ(peek(space(), again + pages(1)), 77u);
  poke(space(), again + pages(1), 78);
  EXPECT_EQ(peek(space(), kThere + pages(2)), 78u);
  EXPECT_EQ(error(kAt, 0, 3, kMove), Error::Invalid);
}

TEST_F(RemapTest, APartOfAFileKeepsItsOffset) {
  auto file = std::make_shared<test::FakeFile>(pages(64));
  MapRequest request = anonymous_at(kThere, 8, Prot::Read);
  request.area.file = file;
  request.area.file_offset = pages(4);
  ASSERT_TRUE(space().map(request));
  const Gva to = *space().remap(kThere + pages(2), pages(2), pages(10), kMove, {});
  EXPECT_NE(to, kThere + pages(2));
  EXPECT_EQ(peek(space(), to + pages(9)), file->word(pages(4 + 2 + 9)));
  EXPECT_EQ(space().usage().virtual_pages, 8u + 6 + 10);
}

TEST_F(RemapTest, HostileArgumentsAreErrorsAndChangeNothing) {
  EXPECT_EQ(error(kAt + 1, 8, 8, kMove), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 0, kMove), Error::Invalid);
  EXPECT_EQ(error(kAt, 9, 12, kMove), Error::NotMapped); // reaches out of the area
  EXPECT_EQ(error(kThere, 1, 2, kMove), Error::NotMapped);
  EXPECT_EQ(error(kAt, 8, 8, RemapFlags::Fixed, kThere), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 8, RemapFlags::DontUnmap), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 9, kKeep), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 8, kFixed, kAt + pages(4)), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 8, kFixed, kThere + 1), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 8, kFixed, kUserEnd), Error::Invalid);
  EXPECT_EQ(error(kAt, 8, 8, kFixed, Gva(0x1000)), Error::Denied);
  EXPECT_EQ(error(Gva(~0ull & ~kPageMask), 8, 8, kMove), Error::NotMapped);
  EXPECT_EQ(space().remap(kAt, pages(8), ~0ull, kMove, {}).error(), Error::Invalid);
  EXPECT_EQ(space().remap(kAt, pages(8), 1ull << 47, kMove, {}).error(), Error::OutOfMemory);
  EXPECT_EQ(space().remap(kAt, ~0ull, pages(8), kMove, {}).error(), Error::Invalid);
  expect_stamps(kAt, 0, 8);
  EXPECT_EQ(space().usage().virtual_pages, 8u);
}

} // namespace
} // namespace pagoda::space
