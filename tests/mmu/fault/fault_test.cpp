// Every row of the table of fault cases.
#include "mmu/fault/fault.hpp"

#include "mmu/fault/space_access.hpp"
#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::fault {
namespace {

using space::MapRequest;
using test::anonymous_at;
using test::FakeFile;
using test::kReadWrite;
using test::pages;
using test::peek;
using test::poke;
using test::range_of;
using test::touch;
using test::World;

constexpr Gva kAt{0x10000000};

MapRequest file_at(Gva at, std::uint64_t count, const std::shared_ptr<FakeFile> &file, Prot prot = kReadWrite) {
  MapRequest request = anonymous_at(at, count, prot);
  request.area.file = file;
  return request;
}

TEST(Fault, NothingMappedIsNoArea) {
  World world;
  for (const std::uint64_t at : {0ull, 0x1000ull, 0x7fffffffe000ull, 0x7ffffffff000ull, 0x800000000000ull,
                                 0xffff800000000000ull, 0xffffffffffffffffull})
    for (const Access access : {Access::Read, Access::Write, Access::Execute})
      EXPECT_EQ(touch(*world.space, Gva(at), access), Case::NoArea) << at;
}

TEST(Fault, TheAreaDecidesWhatIsAllowed) {
  World world;
  const struct {
    Prot prot;
    bool read, write, execute;
  } rows[] = {{Prot::None, false, false, false},
              {Prot::Read, true, false, false},
              {Prot::Write, true, true, false}, // x86 cannot write without reading
              {Prot::Execute, true, false, true},
              {kReadWrite, true, true, false},
              {kReadWrite | Prot::Execute, true, true, true}};
  Gva at = kAt;
  for (const auto &row : rows) {
    ASSERT_TRUE(world.space->map(anonymous_at(at, 16, row.prot)));
    EXPECT_EQ(touch(*world.space, at, Access::Read) != Case::Permission, row.read);
    EXPECT_EQ(touch(*world.space, at, Access::Write) != Case::Permission, row.write);
    EXPECT_EQ(touch(*world.space, at, Access::Execute) != Case::Permission, row.execute);
    at += pages(16);
  }
}

TEST(Fault, DemandZeroMapsItsAlignedNeighbours) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt + pages(3), 50)));
  auto outcome = resolve(*world.space, kAt + pages(5), Access::Read);
  EXPECT_EQ(outcome.which, Case::DemandZero);
  EXPECT_EQ(outcome.pages, 13u); // 3 to 15
  outcome = resolve(*world.space, kAt + pages(36) + 123, Access::Write);
  EXPECT_EQ(outcome.pages, 16u);
  EXPECT_EQ(resolve(*world.space, kAt + pages(32), Access::Write).which, Case::Spurious);
  ASSERT_TRUE(world.space->advise(range_of(kAt + pages(33), 1), space::Advice::DontNeed));
  EXPECT_EQ(resolve(*world.space, kAt + pages(33), Access::Write).pages, 1u); // the others are there
  EXPECT_EQ(world.space->usage().resident_pages, 13u + 16);
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Fault, MemoryFilledInOrderGetsMoreAtATime) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 200)));
  EXPECT_EQ(resolve(*world.space, kAt, Access::Write).pages, 16u);
  EXPECT_EQ(resolve(*world.space, kAt + pages(16), Access::Write).pages, 48u); // up to 64
  EXPECT_EQ(resolve(*world.space, kAt + pages(64), Access::Write).pages, 64u);
  EXPECT_EQ(resolve(*world.space, kAt + pages(160), Access::Write).pages, 16u); // out of order
  EXPECT_EQ(resolve(*world.space, kAt + pages(192), Access::Write).pages, 8u);  // the area ends
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Fault, LeavesSayWhatTheyAreFor) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(16));
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 16)));
  ASSERT_TRUE(world.space->map(file_at(kAt + pages(16), 16, file)));
  ASSERT_TRUE(resolve(*world.space, kAt, Access::Read).resolved());
  ASSERT_TRUE(resolve(*world.space, kAt + pages(16), Access::Read).resolved());
  const auto data = world.space->query(kAt + pages(1)), text = world.space->query(kAt + pages(17));
  EXPECT_TRUE(data->accessed && data->dirty);
  EXPECT_TRUE(text->accessed && !text->dirty);
}

TEST(Fault, AnUpgradeRaisesRightsAndOwesNoFlush) {
  World world;
  ASSERT_TRUE(world.space->map(anonymous_at(kAt, 16)));
  poke(*world.space, kAt, 11);
  {
    const LockGuard guard(world.space->mutex);
    table::InvalidationBatch batch;
    space::SpaceFaultAccess::table(*world.space).protect(range_of(kAt, 1), Prot::Read | Prot::User, batch);
    space::SpaceFaultAccess::finish(*world.space, std::move(batch));
  }
  world.carrier.calls.clear();
  EXPECT_EQ(touch(*world.space, kAt, Access::Read), Case::Spurious);
  EXPECT_EQ(touch(*world.space, kAt, Access::Write), Case::Upgrade);
  EXPECT_EQ(touch(*world.space, kAt, Access::Write), Case::Spurious);
  EXPECT_TRUE(world.carrier.calls.empty());
  EXPECT_EQ(peek(*world.space, kAt), 11u);
}

TEST(Fault, AFileIsReadOnceForSixteenPages) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(64));
  MapRequest request = file_at(kAt, 32, file, Prot::Read | Prot::Execute);
  request.area.file_offset = pages(8);
  ASSERT_TRUE(world.space->map(request));
  const auto outcome = resolve(*world.space, kAt + pages(3), Access::Execute);
  EXPECT_EQ(outcome.which, Case::File);
  EXPECT_EQ(outcome.pages, 16u);
  EXPECT_EQ(file->reads, 1u);
  for (std::uint64_t i = 0; i < 16; ++i)
    EXPECT_EQ(peek(*world.space, kAt + pages(i) + 8), file->word(pages(8 + i) + 8));
}

TEST(Fault, APrivateFilePageIsWritableAtOnce) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(4));
  ASSERT_TRUE(world.space->map(file_at(kAt, 4, file)));
  ASSERT_TRUE(world.space->map(file_at(kAt + pages(16), 4, file)));
  EXPECT_EQ(touch(*world.space, kAt, Access::Read), Case::File);
  EXPECT_EQ(touch(*world.space, kAt, Access::Write), Case::Spurious);
  poke(*world.space, kAt, 5);
  EXPECT_EQ(peek(*world.space, kAt + pages(16)), file->word(0)); // nobody else sees it
}

TEST(Fault, PastTheLastPageOfAFileIsABusError) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(2) + 16);
  ASSERT_TRUE(world.space->map(file_at(kAt, 8, file)));
  EXPECT_EQ(touch(*world.space, kAt + pages(3)), Case::PastEnd);
  EXPECT_EQ(touch(*world.space, kAt + pages(7)), Case::PastEnd);
  EXPECT_EQ(resolve(*world.space, kAt + pages(2), Access::Read).pages, 3u);
  EXPECT_EQ(peek(*world.space, kAt + pages(2) + 8), file->word(pages(2) + 8));
  EXPECT_EQ(peek(*world.space, kAt + pages(2) + 16), 0u); // the tail
  EXPECT_EQ(peek(*world.space, kAt + pages(3) - 8), 0u);
  MapRequest request = file_at(kAt + pages(64), 1, file);
  request.area.file_offset = 1ull << 62;
  ASSERT_TRUE(world.space->map(request));
  EXPECT_EQ(touch(*world.space, kAt + pages(64)), Case::PastEnd);
}

TEST(Fault, AFileThatShrinksDuringTheReadIsABusError) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(8));
  ASSERT_TRUE(world.space->map(file_at(kAt, 8, file)));
  file->during_read = [&] { file->resize(pages(2)); };
  EXPECT_EQ(touch(*world.space, kAt + pages(5)), Case::PastEnd);
  file->resize(pages(8));
  const auto outcome = resolve(*world.space, kAt + pages(1), Access::Read);
  EXPECT_EQ(outcome.which, Case::File);
  EXPECT_EQ(outcome.pages, 2u);
}

TEST(Fault, AReadErrorIsABusErrorAndLosesNothing) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(32));
  ASSERT_TRUE(world.space->map(file_at(kAt, 32, file)));
  const auto before = world.memory.in_use();
  failpoint::file_read.fail_at(1);
  EXPECT_EQ(touch(*world.space, kAt), Case::IoError);
  EXPECT_EQ(world.memory.in_use(), before);
  EXPECT_EQ(touch(*world.space, kAt), Case::File);
}

TEST(Fault, AnAreaThatChangesDuringTheReadIsLookedAtAgain) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(16)), other = std::make_shared<FakeFile>(pages(16), 3);
  ASSERT_TRUE(world.space->map(file_at(kAt, 16, file)));

  file->during_read = [&] { ASSERT_TRUE(world.space->map(file_at(kAt, 16, other))); };
  EXPECT_EQ(touch(*world.space, kAt), Case::File);
  EXPECT_EQ(peek(*world.space, kAt), other->word(0));

  other->during_read = [&] { ASSERT_TRUE(world.space->unmap(range_of(kAt, 16))); };
  ASSERT_TRUE(world.space->advise(range_of(kAt, 16), space::Advice::DontNeed));
  EXPECT_EQ(touch(*world.space, kAt), Case::NoArea);

  file->during_read = [&] { ASSERT_TRUE(world.space->protect(range_of(kAt, 16), Prot::Read)); };
  ASSERT_TRUE(world.space->map(file_at(kAt, 16, file)));
  EXPECT_TRUE(resolve(*world.space, kAt, Access::Write).resolved()); // comes back …
  EXPECT_EQ(touch(*world.space, kAt, Access::Write), Case::Permission);

  file->during_read = [&] { ASSERT_TRUE(world.space->unmap(range_of(kAt + pages(4), 4))); };
  ASSERT_TRUE(world.space->map(file_at(kAt, 16, file)));
  EXPECT_EQ(resolve(*world.space, kAt, Access::Write).pages, 4u); // up to what was cut out
  EXPECT_FALSE(world.space->query(kAt + pages(5)));
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Fault, AnAreaThatNeverHoldsStillIsRetriedByTheAccess) {
  World world;
  std::shared_ptr<FakeFile> files[2] = {std::make_shared<FakeFile>(pages(16)), std::make_shared<FakeFile>(pages(16))};
  unsigned turn = 0;
  for (const auto &file : files)
    file->during_read = [&] { ASSERT_TRUE(world.space->map(file_at(kAt, 16, files[++turn % 2]))); };
  ASSERT_TRUE(world.space->map(file_at(kAt, 16, files[0])));
  EXPECT_EQ(touch(*world.space, kAt), Case::Spurious);
  EXPECT_LT(turn, 100u);
  EXPECT_EQ(world.space->usage().resident_pages, 0u);
}

TEST(Fault, SharedMappingsSeeOnePage) {
  World world;
  auto object = std::make_shared<space::SharedObject>(*world.memory);
  for (const Gva at : {kAt, kAt + pages(100)}) {
    MapRequest request = anonymous_at(at, 20);
    request.area.shared = true;
    request.area.object = object;
    ASSERT_TRUE(world.space->map(request));
  }
  const auto outcome = resolve(*world.space, kAt + pages(2), Access::Write);
  EXPECT_EQ(outcome.which, Case::Shared);
  EXPECT_EQ(outcome.pages, 16u);
  poke(*world.space, kAt + pages(17), 8);
  EXPECT_EQ(peek(*world.space, kAt + pages(117)), 8u);
  const Gfn frame = *object->page(0);
  EXPECT_EQ(world.space->query(kAt)->frame, frame);
  world.memory->put(frame);
}

TEST(Fault, ASharedFilePastItsEndIsABusError) {
  World world;
  auto file = std::make_shared<FakeFile>(pages(2));
  MapRequest request = file_at(kAt, 4, file, Prot::Read);
  request.area.shared = true;
  ASSERT_TRUE(world.space->map(request));
  EXPECT_EQ(touch(*world.space, kAt + pages(2), Access::Read), Case::PastEnd);
  EXPECT_EQ(resolve(*world.space, kAt, Access::Read).pages, 2u);
  EXPECT_EQ(peek(*world.space, kAt + pages(1)), file->word(pages(1)));
  file->fails = true;
  file->resize(pages(4));
  EXPECT_EQ(touch(*world.space, kAt + pages(3), Access::Read), Case::IoError);
  EXPECT_EQ(world.space->invariant(), "");
}

TEST(Fault, EveryCaseHasAName) {
  for (std::size_t i = 0; i < kCases; ++i) EXPECT_NE(name(Case(i)), "unknown") << i;
  EXPECT_EQ(name(Case::DemandZero), "demand-zero");
}

} // namespace
} // namespace pagoda::fault
