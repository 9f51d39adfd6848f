// Programs with the 32-bit layout: three gigabytes, and not a byte beyond.
#include <gtest/gtest.h>

#include "tests/mmu/space/layout32/world32.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::anonymous;
using test::anonymous_at;
using test::pages;
using test::range_of;

class UserHalf32 : public testing::Test {
protected:
  test::World world_{test::split32(64ull << 20)};
  Space &space_ = *world_.space;
};

TEST_F(UserHalf32, FixedPlacesEndAtThreeGigabytes) {
  EXPECT_EQ(space_.user_end(), Gva(0xc0000000));
  EXPECT_TRUE(space_.map(anonymous_at(Gva(0xbffff000), 1)));
  EXPECT_EQ(space_.map(anonymous_at(Gva(0xbffff000), 2)).error(), Error::OutOfMemory);
  EXPECT_EQ(space_.map(anonymous_at(Gva(0xc0000000), 1)).error(), Error::OutOfMemory);
  EXPECT_EQ(space_.map(anonymous_at(Gva(0x7f0000000000), 1)).error(), Error::OutOfMemory);
  EXPECT_EQ(space_.unmap(range_of(Gva(0xbffff000), 2)).error(), Error::Invalid);
  EXPECT_EQ(space_.map_foreign(range_of(Gva(0xc0000000), 1), Gfn(1), Prot::Read, VmaRole::Vvar).error(),
            Error::Invalid);
}

TEST_F(UserHalf32, EveryPlaceFoundLiesBelow) {
  auto hinted = anonymous(4);
  hinted.hint = Gva(0x7f0000000000);
  EXPECT_LT(space_.map(std::move(hinted))->value(), 0xc0000000u);
  std::uint64_t mapped = 0;
  while (const auto at = space_.map([] {
    auto request = anonymous((64ull << 20) / kPageSize);
    request.area.no_reserve = true;
    return request;
  }())) {
    ASSERT_LE(*at + (64ull << 20), Gva(0xc0000000));
    mapped += 64;
  }
  EXPECT_GT(mapped, 2900u) << "nearly all of the three gigabytes, in MiB";
  EXPECT_EQ(space_.invariant(), "");
}

TEST_F(UserHalf32, TheBreakAndRemapStayBelow) {
  space_.set_break_start(Gva(0xbf000000));
  EXPECT_EQ(space_.set_break(Gva(0xbf100000)), Gva(0xbf100000));
  EXPECT_EQ(space_.set_break(Gva(0xc0001000)), Gva(0xbf100000));
  const Gva at = space_.map(anonymous_at(Gva(0x10000000), 1)).value();
  const auto flags = RemapFlags::MayMove | RemapFlags::Fixed;
  EXPECT_EQ(space_.remap(at, kPageSize, kPageSize, flags, Gva(0xc0000000)).error(), Error::Invalid);
  EXPECT_EQ(space_.remap(at, kPageSize, 4ull << 30, RemapFlags::MayMove, Gva()).error(), Error::OutOfMemory);
}

TEST_F(UserHalf32, IsInherited) {
  const auto child = space_.fork(2).value();
  EXPECT_EQ(child->user_end(), Gva(0xc0000000));
  EXPECT_LT(child->map(anonymous(1))->value(), 0xc0000000u);
}

} // namespace
} // namespace pagoda::space
