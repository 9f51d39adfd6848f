// Placement, limits, protection, break, advice: what the mmap family promises, one case a test.
#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::anonymous;
using test::anonymous_at;
using test::FakeFile;
using test::kReadWrite;
using test::pages;
using test::peek;
using test::poke;
using test::range_of;
using test::touch;
using test::World;
using Placement = MapRequest::Placement;

constexpr Gva kAt{0x10000000};

TEST(Map, GoesTopDownBelowTheTop) {
  World world;
  world.space->set_mmap_top(Gva(0x7f0000000000));
  const Gva first = *world.space->map(anonymous(4));
  const Gva second = *world.space->map(anonymous(2));
  EXPECT_EQ(first + pages(4), Gva(0x7f0000000000));
  EXPECT_EQ(second + pages(2), first);
  EXPECT_EQ(world.space->areas().size(), 1u); // the same in every respect: merged
  EXPECT_EQ(world.space->usage().virtual_pages, 6u);
}

TEST(Map, AHintIsTakenWhenItIsFree) {
  World world;
  MapRequest request = anonymous(2);
  request.hint = kAt + 1; // rounded up, as Linux does
  EXPECT_EQ(*world.space->map(request), kAt + pages(1));
  const Gva elsewhere = *world.space->map(request);
  EXPECT_NE(elsewhere, kAt + pages(1));
  request.hint = Gva(~0ull); // nonsense is only a hint, too
  EXPECT_TRUE(world.space->map(request).has_value());
}

TEST(Map, FixedReplacesAndNoReplaceRefuses) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 4)));
  poke(*world.space, kAt + pages(1), 7);
  MapRequest request = anonymous_at(kAt + pages(1), 2);
  request.placement = Placement::FixedNoReplace;
  EXPECT_EQ(world.space->map(request).error(), Error::Exists);
  EXPECT_EQ(peek(*world.space, kAt + pages(1)), 7u);
  request.placement = Placement::Fixed;
  ASSERT_TRUE(world.space->map(request));
  EXPECT_EQ(peek(*world.space, kAt + pages(1)), 0u);
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Map, Low32StaysInTheSecondGigabyte) {
  World world;
  MapRequest request = anonymous(16);
  request.placement = Placement::Low32;
  const Gva at = *world.space->map(request);
  EXPECT_GE(at, Gva(0x40000000));
  EXPECT_LE(at + pages(16), Gva(0x80000000));
  request.length = 3ull << 30;
  request.area.no_reserve = true;
  EXPECT_EQ(world.space->map(request).error(), Error::NoSpace);
}

TEST(Map, HostileNumbersAreErrors) {
  World world;
  MapRequest request = anonymous(1);
  request.length = 0;
  EXPECT_EQ(world.space->map(request).error(), Error::Invalid);
  for (const std::uint64_t length : {1ull << 47, ~0ull, ~0ull - 4096, 1ull << 63}) {
    request = anonymous(1);
    request.area.no_reserve = true;
    request.length = length;
    EXPECT_EQ(world.space->map(request).error(), Error::OutOfMemory) << length;
    request.hint = kAt;
    request.placement = Placement::Fixed;
    EXPECT_EQ(world.space->map(request).error(), Error::OutOfMemory) << length;
  }
  EXPECT_EQ(world.space->map(anonymous_at(Gva(0x1000), 1)).error(), Error::Denied);
  EXPECT_EQ(world.space->map(anonymous_at(kAt + 1, 1)).error(), Error::Invalid);
  EXPECT_EQ(world.space->map(anonymous_at(kUserEnd, 1)).error(), Error::OutOfMemory);
  EXPECT_EQ(world.space->map(anonymous_at(kUserEnd - kPageSize, 2)).error(), Error::OutOfMemory);
  EXPECT_EQ(world.space->map(anonymous_at(Gva(~0ull & ~kPageMask), 1)).error(), Error::OutOfMemory);
  request = anonymous(2);
  request.area.file = std::make_shared<FakeFile>(1);
  request.area.file_offset = ~0ull & ~kPageMask;
  EXPECT_EQ(world.space->map(request).error(), Error::Invalid);
  EXPECT_EQ(world.space->unmap({kAt, Gva(~0ull)}).error(), Error::Invalid);
  EXPECT_EQ(world.space->unmap({kAt, kAt}).error(), Error::Invalid);
  EXPECT_EQ(world.space->unmap({kAt + 1, kAt + kPageSize}).error(), Error::Invalid);
  EXPECT_EQ(world.space->protect({kAt, Gva(~0ull)}, Prot::Read).error(), Error::OutOfMemory);
  EXPECT_EQ(world.space->usage().virtual_pages, 0u);
}

TEST(Map, OvercommitRefusesOnlyTheAbsurd) {
  World world(16 << 20);
  MapRequest request = anonymous(1);
  request.length = 17 << 20;
  EXPECT_EQ(world.space->map(request).error(), Error::OutOfMemory);
  request.area.no_reserve = true;
  EXPECT_TRUE(world.space->map(request));
  request = anonymous(1, Prot::None);
  request.length = 1ull << 40;
  const Gva reserved = *world.space->map(request);
  EXPECT_TRUE(world.space->protect(range_of(reserved, 256), kReadWrite));
  EXPECT_EQ(world.space->protect({reserved, reserved + (1ull << 40)}, kReadWrite).error(), Error::OutOfMemory);
  for (int i = 0; i < 4; ++i) { // together more than there is: lazily fine
    request = anonymous(1);
    request.length = 15 << 20;
    EXPECT_TRUE(world.space->map(request));
  }
}

TEST(Map, AddressSpaceAndDataLimitsHold) {
  World world;
  world.space->set_limits({.address_space = pages(8), .stack = 8 << 20, .data = pages(4)});
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 4)));
  EXPECT_EQ(world.space->map(anonymous(1)).error(), Error::OutOfMemory); // data
  EXPECT_TRUE(world.space->map(anonymous_at(kAt, 4)));                   // in place of what it replaces
  ASSERT_TRUE(world.space->map(anonymous(4, Prot::Read)));
  EXPECT_EQ(world.space->map(anonymous(1, Prot::Read)).error(), Error::OutOfMemory);
  EXPECT_EQ(world.space->usage().virtual_pages, 8u);
}

TEST(Protect, AHoleOrAForbiddenAreaChangesNothing) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 2)));
  EXPECT_EQ(world.space->protect(range_of(kAt, 3), Prot::Read).error(), Error::OutOfMemory);
  MapRequest request = anonymous_at(kAt + pages(2), 1, Prot::Read);
  request.area.max_prot = Prot::Read;
  ASSERT_TRUE(world.space->map(request));
  EXPECT_EQ(world.space->protect(range_of(kAt, 3), kReadWrite | Prot::Execute).error(), Error::Denied);
  EXPECT_EQ(world.space->areas().at(0).prot, kReadWrite);
  request = anonymous(1);
  request.area.max_prot = Prot::Read;
  EXPECT_EQ(world.space->map(request).error(), Error::Denied);
}

TEST(Protect, PagesSurviveWithoutRights) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 4)));
  poke(*world.space, kAt + pages(1), 0x1234);
  ASSERT_TRUE(world.space->protect(range_of(kAt, 4), Prot::None));
  EXPECT_EQ(touch(*world.space, kAt + pages(1), Access::Read), fault::Case::Permission);
  EXPECT_EQ(world.space->usage().resident_pages, 4u);
  EXPECT_EQ(world.space->invariant(), "");
  ASSERT_TRUE(world.space->protect(range_of(kAt, 4), Prot::Read));
  EXPECT_EQ(peek(*world.space, kAt + pages(1)), 0x1234u);
  EXPECT_EQ(touch(*world.space, kAt + pages(1), Access::Write), fault::Case::Permission);
}

TEST(Break, MovesByByteAndKeepsClearOfNeighbours) {
  World world;
  world.space->set_break_start(kAt + 100);
  EXPECT_EQ(world.space->set_break(Gva(0)), kAt + 100);
  EXPECT_EQ(world.space->set_break(kAt + pages(3) + 5), kAt + pages(3) + 5);
  EXPECT_EQ(world.space->areas().at(0).range, range_of(kAt + pages(1), 3));
  EXPECT_EQ(world.space->areas().at(0).role, VmaRole::Heap);
  poke(*world.space, kAt + pages(3), 9);
  ASSERT_TRUE(world.space->map(anonymous_at(kAt + pages(6), 1, Prot::Read)));
  EXPECT_EQ(world.space->set_break(kAt + pages(6)), kAt + pages(3) + 5); // would touch it
  EXPECT_EQ(world.space->set_break(kAt + pages(5)), kAt + pages(5));
  EXPECT_EQ(world.space->set_break(kAt + pages(2)), kAt + pages(2));
  EXPECT_EQ(world.space->set_break(kAt + pages(4)), kAt + pages(4));
  EXPECT_EQ(peek(*world.space, kAt + pages(3)), 0u); // given back and new
  EXPECT_EQ(world.space->set_break(Gva(~0ull)), kAt + pages(4));
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Advise, DontNeedDropsPrivatePagesAndReadsFilesAgain) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(4));
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 4)));
  MapRequest request = anonymous_at(kAt + pages(4), 4);
  request.area.file = file;
  ASSERT_TRUE(world.space->map(request));
  poke(*world.space, kAt, 1);
  poke(*world.space, kAt + pages(5), 2);
  ASSERT_TRUE(world.space->advise(range_of(kAt, 8), Advice::DontNeed));
  EXPECT_EQ(world.space->usage().resident_pages, 0u);
  EXPECT_EQ(peek(*world.space, kAt), 0u);
  EXPECT_EQ(peek(*world.space, kAt + pages(5)), file->word(pages(1)));
  EXPECT_EQ(world.space->advise(range_of(kAt, 8), Advice::Free).error(), Error::Invalid);
  EXPECT_TRUE(world.space->advise(range_of(kAt, 4), Advice::Free));
  EXPECT_EQ(world.space->advise(range_of(kAt, 9), Advice::DontNeed).error(), Error::OutOfMemory);
  EXPECT_EQ(world.space->usage().resident_pages, 0u);
}

TEST(Advise, SharedPagesOutliveTheirMapping) {
  World world;
  MapRequest request = anonymous_at(kAt, 2);
  request.area.shared = true;
  ASSERT_TRUE(world.space->map(request));
  poke(*world.space, kAt, 5);
  ASSERT_TRUE(world.space->advise(range_of(kAt, 2), Advice::DontNeed));
  EXPECT_EQ(peek(*world.space, kAt), 5u);
  EXPECT_EQ(world.space->usage().resident_shared, world.space->usage().resident_pages);
}

TEST(Foreign, FramesAreMappedNeverFreedAndNeverCopied) {
  World world;
  const Gfn outside(1ull << 30); // far beyond RAM
  ASSERT_TRUE(world.space->map_foreign(range_of(kAt, 4), outside, Prot::Read | Prot::Execute, VmaRole::Vdso));
  EXPECT_EQ(world.space->query(kAt + pages(3))->frame, outside + 3);
  EXPECT_EQ(world.space->usage().resident_pages, 0u);
  EXPECT_EQ(touch(*world.space, kAt, Access::Execute), fault::Case::Spurious);
  EXPECT_EQ(touch(*world.space, kAt, Access::Write), fault::Case::Permission);
  std::uint64_t value = 0;
  EXPECT_FALSE(fault::read_value(*world.space, kAt, value));
  EXPECT_EQ(world.space->map_foreign(range_of(kAt, 1), outside, Prot::Read, VmaRole::Vvar).error(), Error::Exists);
  EXPECT_EQ(world.space->advise(range_of(kAt, 1), Advice::DontNeed).error(), Error::Invalid);
  const auto child = *world.space->fork(2);
  EXPECT_EQ(child->query(kAt)->frame, outside);
  EXPECT_EQ(world.space->invariant(), "");
  EXPECT_TRUE(world.space->unmap(range_of(kAt + pages(1), 2)));
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Usage, PeaksAndKindsAreKept) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 32)));
  MapRequest request = anonymous_at(kAt + pages(64), 16, Prot::Read | Prot::Execute);
  request.area.file = std::make_shared<FakeFile>(pages(16));
  ASSERT_TRUE(world.space->map(request));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(touch(*world.space, kAt + pages(16 * i)), fault::Case::DemandZero);
  EXPECT_EQ(touch(*world.space, kAt + pages(64), Access::Execute), fault::Case::File);
  auto usage = world.space->usage();
  EXPECT_EQ(usage.resident_pages, 48u);
  EXPECT_EQ(usage.resident_file, 16u);
  EXPECT_EQ(usage.data_pages, 32u);
  EXPECT_EQ(usage.text_pages, 16u);
  EXPECT_EQ(usage.table_pages, 4u);
  EXPECT_EQ(world.space->resident_in(range_of(kAt, 32)), 32u);
  ASSERT_TRUE(world.space->unmap(range_of(kAt, 80)));
  usage = world.space->usage();
  EXPECT_EQ(usage.resident_pages, 0u);
  EXPECT_EQ(usage.peak_resident, 48u);
  EXPECT_EQ(usage.peak_virtual, 48u);
  EXPECT_EQ(usage.table_pages, 1u);
}

} // namespace
} // namespace pagoda::space
