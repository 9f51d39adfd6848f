#include "mmu/fault/guest_memory.hpp"

#include <array>

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::fault {
namespace {

using test::anonymous_at;
using test::kReadWrite;
using test::pages;
using test::peek;
using test::poke;
using test::range_of;
using test::World;

constexpr Gva kAt{0x10000000};

std::vector<std::byte> pattern(std::size_t bytes) {
  std::vector<std::byte> result(bytes);
  for (std::size_t i = 0; i < bytes; ++i) result[i] = std::byte(i * 7 + (i >> 8));
  return result;
}

class GuestMemoryTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(space().map(anonymous_at(kAt, 40))); }
  space::Space &space() { return *world.space; }
  World world;
};

TEST_F(GuestMemoryTest, WhatGoesOutComesIn) {
  for (const std::size_t bytes : {0ul, 1ul, 8ul, 4095ul, 4096ul, 4097ul, 70000ul, 150000ul})
    for (const std::uint64_t skew : {0ull, 1ull, 4095ull}) {
      const auto sent = pattern(bytes);
      std::vector<std::byte> back(bytes);
      ASSERT_EQ(copy_out(space(), kAt + skew, sent), bytes);
      ASSERT_EQ(copy_in(space(), kAt + skew, back), bytes);
      ASSERT_EQ(sent, back) << bytes << " at " << skew;
    }
}

TEST_F(GuestMemoryTest, ACopyEndsAtTheFirstBadPage) {
  const auto sent = pattern(pages(3));
  std::vector<std::byte> back(pages(3));
  EXPECT_EQ(copy_out(space(), kAt + pages(39) + 100, sent), kPageSize - 100);
  EXPECT_EQ(copy_in(space(), kAt + pages(38) + 1, back), pages(2) - 1);
  EXPECT_EQ(copy_in(space(), kAt + pages(40), back), 0u);
  EXPECT_EQ(copy_in(space(), kAt - 1, back), 0u);
  ASSERT_TRUE(space().protect(range_of(kAt + pages(2), 1), Prot::Read));
  EXPECT_EQ(copy_out(space(), kAt + pages(1), sent), pages(1));
  EXPECT_EQ(copy_in(space(), kAt + pages(1), back), pages(3));
  EXPECT_EQ(fill_zero(space(), kAt + 1, ~0ull), pages(2) - 1);
  ASSERT_TRUE(space().protect(range_of(kAt + pages(1), 1), Prot::None));
  EXPECT_EQ(copy_in(space(), kAt, back), pages(1));
}

TEST_F(GuestMemoryTest, WildPointersAreSafe) {
  std::array<std::byte, 64> bytes{};
  for (const std::uint64_t at : {0ull, 1ull, 0x7ffffffff000ull, 0x7fffffffefffull, 0x800000000000ull,
                                 0xffff800000000000ull, 0xfffffffffffffff0ull, ~0ull}) {
    EXPECT_EQ(copy_in(space(), Gva(at), bytes), 0u) << at;
    EXPECT_EQ(copy_out(space(), Gva(at), bytes), 0u) << at;
    EXPECT_EQ(fill_zero(space(), Gva(at), ~0ull), 0u) << at;
    EXPECT_EQ(pin(space(), Gva(at), ~0ull, Access::Read).bytes(), 0u) << at;
    EXPECT_EQ(copy_string(space(), Gva(at), ~0ull).error(), StringError::Fault) << at;
    EXPECT_FALSE(PinnedWord::pin(space(), Gva(at & ~3ull), Access::Read)) << at;
  }
  // The last user page, up to its end and not beyond.
  ASSERT_TRUE(space().map(anonymous_at(space::kUserEnd - kPageSize, 1)));
  EXPECT_EQ(copy_in(space(), space::kUserEnd - 10, bytes), 10u);
  EXPECT_EQ(copy_out(space(), space::kUserEnd - 10, bytes), 10u);
  EXPECT_EQ(pin(space(), space::kUserEnd - 10, 64, Access::Write).bytes(), 10u);
}

TEST_F(GuestMemoryTest, TheKernelHalfIsOutOfReachWhateverItsTableSays) {
  const Gfn table = *world.memory->allocate(0, phys::FrameKind::Table, 0);
  const space::Space::KernelHalf half{511, table::X86_64::table(table.gpa())};
  auto other = *space::Space::create(*world.memory, world.invalidator, half, 2);
  std::uint64_t value = 0;
  EXPECT_FALSE(read_value(*other, Gva(0xffffff8000000000), value));
  other.reset();
  EXPECT_EQ(world.memory->frame(table).refs.load(), 1u);
  world.memory->put(table);
}

TEST_F(GuestMemoryTest, StringsEndAtTheirNul) {
  const std::string_view text = "a string that crosses a page";
  const Gva at = kAt + pages(1) - 9;
  ASSERT_EQ(copy_out(space(), at, std::as_bytes(std::span(text.data(), text.size()))), text.size());
  EXPECT_EQ(copy_string(space(), at, 4096), text);
  EXPECT_EQ(copy_string(space(), at, text.size() + 1), text);
  EXPECT_EQ(copy_string(space(), at, text.size()).error(), StringError::TooLong);
  EXPECT_EQ(copy_string(space(), at, 0).error(), StringError::TooLong);
  EXPECT_EQ(copy_string(space(), kAt + pages(30), 10), "");
  // Up to unmapped memory without a NUL; with one as the last byte.
  const auto filler = std::vector<std::byte>(100, std::byte('x'));
  ASSERT_EQ(copy_out(space(), kAt + pages(40) - 100, filler), 100u);
  EXPECT_EQ(copy_string(space(), kAt + pages(40) - 100, 4096).error(), StringError::Fault);
  ASSERT_EQ(fill_zero(space(), kAt + pages(40) - 1, 1), 1u);
  EXPECT_EQ(copy_string(space(), kAt + pages(40) - 100, 4096)->size(), 99u);
}

TEST_F(GuestMemoryTest, PinnedPiecesAreJoinedAndOutliveTheMapping) {
  const auto before = world.memory.in_use();
  {
    auto pinned = pin(space(), kAt + 100, pages(16) - 200, Access::Write);
    EXPECT_EQ(pinned.bytes(), pages(16) - 200);
    EXPECT_EQ(pinned.pieces().size(), 1u); // one fault, adjacent frames
    ASSERT_TRUE(space().unmap(range_of(kAt, 40)));
    EXPECT_EQ(world.memory.in_use(), before + 16);
    std::memset(pinned.pieces()[0].iov_base, 0x5a, pinned.pieces()[0].iov_len); // still ours
    PinnedRange moved = std::move(pinned);
    EXPECT_EQ(moved.bytes(), pages(16) - 200);
  }
  EXPECT_EQ(world.memory.in_use(), before);
  EXPECT_EQ(world.memory->invariant(), "");
}

TEST_F(GuestMemoryTest, APinIsBoundedAndEndsAtABadPage) {
  ASSERT_TRUE(space().map(anonymous_at(kAt + pages(1000), 400)));
  EXPECT_EQ(pin(space(), kAt + pages(1000) + 5, pages(400), Access::Read).bytes(), kMaxPin);
  EXPECT_EQ(pin(space(), kAt + pages(39) + 5, pages(9), Access::Read).bytes(), kPageSize - 5);
  EXPECT_EQ(pin(space(), kAt, 0, Access::Read).bytes(), 0u);
}

TEST_F(GuestMemoryTest, AWordIsAtomicAndHasAnIdentity) {
  auto word = *PinnedWord::pin(space(), kAt + 8, Access::Write);
  word.store(5);
  std::uint32_t expected = 4;
  EXPECT_FALSE(word.compare_exchange(expected, 9));
  EXPECT_EQ(expected, 5u);
  EXPECT_TRUE(word.compare_exchange(expected, 9));
  EXPECT_EQ(peek(space(), kAt + 8) & 0xffffffff, 9u);
  EXPECT_EQ(PinnedWord::pin(space(), kAt + 12, Access::Read)->frame(), word.frame());
  EXPECT_FALSE(PinnedWord::pin(space(), kAt + 6, Access::Read));
  ASSERT_TRUE(space().protect(range_of(kAt, 1), Prot::Read));
  EXPECT_EQ(PinnedWord::pin(space(), kAt, Access::Write).error().which, Case::Permission);
  EXPECT_EQ(PinnedWord::pin(space(), kAt, Access::Read)->load(), 0u);
}

} // namespace
} // namespace pagoda::fault
