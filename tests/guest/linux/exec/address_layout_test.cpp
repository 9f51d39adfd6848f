#include "guest/linux/exec/address_layout.hpp"

#include <random>

#include <gtest/gtest.h>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {
namespace {

class Layouts : public testing::TestWithParam<Gva> {};

TEST_P(Layouts, PartsLieInOrderBelowTheEnd) {
  std::mt19937_64 random(1);
  for (const std::uint64_t stack : {0ull, 8ull << 20, 1ull << 30, ~0ull}) {
    for (unsigned i = 0; i < 1000; ++i) {
      const AddressLayout layout = randomise_layout(GetParam(), stack, [&] { return random(); });
      ASSERT_LE(layout.stack_top, GetParam());
      ASSERT_TRUE(layout.stack_top.page_aligned() && layout.mmap_top.page_aligned());
      ASSERT_LE(layout.mmap_top + (128ull << 20), layout.stack_top) << "room for the stack";
      ASSERT_GT(layout.mmap_top, space::kUserBegin);
      // A stack without a limit takes nearly all of the room; the mmap area is what it leaves.
      if (stack <= 8ull << 20) { ASSERT_LT(layout.image_base + layout.break_gap, layout.mmap_top); }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(BothHalves, Layouts, testing::Values(space::kUserEnd, space::kUserEnd32));

TEST(AddressLayout, OfTheThreeGigabytesLooksAsOnI386) {
  const AddressLayout layout = randomise_layout(space::kUserEnd32, 8ull << 20, [] { return 0; });
  EXPECT_EQ(layout.stack_top, Gva(0xc0000000));
  EXPECT_EQ(layout.image_base, Gva(0x56555000));
  EXPECT_EQ(layout.mmap_top, Gva(0xc0000000 - (128ull << 20) - (space::kStackGuardPages << kPageShift)));
}

} // namespace
} // namespace pagoda::kernel
