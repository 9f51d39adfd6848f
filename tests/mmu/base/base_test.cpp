#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"
#include "mmu/base/checked.hpp"
#include "mmu/base/error.hpp"
#include "mmu/base/failpoint.hpp"

namespace pagoda {
namespace {

template <class A, class B>
concept Subtractable = requires(A a, B b) { a - b; };

TEST(Address, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<Gva, Gpa>);
  static_assert(!std::is_convertible_v<std::uint64_t, Gva>);
  static_assert(!Subtractable<Gva, Gpa>);
  static_assert(Subtractable<Gva, Gva>);
  static_assert(std::is_same_v<decltype(Gva(2) - Gva(1)), std::uint64_t>);
  static_assert(std::is_same_v<decltype(Gva(2) + 1), Gva>);
}

TEST(Address, Rounding) {
  EXPECT_EQ(Gva(0x1fff).page_floor(), Gva(0x1000));
  EXPECT_EQ(Gva(0x1001).page_ceil(), Gva(0x2000));
  EXPECT_EQ(Gva(0x1000).page_ceil(), Gva(0x1000));
  EXPECT_EQ(Gva(0x1234).page_offset(), 0x234u);
  EXPECT_FALSE(Gva(1).page_aligned());
  EXPECT_EQ(Gfn::of(Gpa(0x5fff)), Gfn(5));
  EXPECT_EQ(Gfn(5).gpa(), Gpa(0x5000));
}

TEST(Range, HalfOpen) {
  const GvaRange range{Gva(0x1000), Gva(0x3000)};
  EXPECT_TRUE(range.contains(Gva(0x1000)));
  EXPECT_FALSE(range.contains(Gva(0x3000)));
  EXPECT_FALSE(range.overlaps({Gva(0x3000), Gva(0x4000)}));
  EXPECT_TRUE(range.overlaps({Gva(0x2fff), Gva(0x4000)}));
  EXPECT_TRUE((GvaRange{Gva(5), Gva(5)}).empty());
}

TEST(Checked, SaysWhatHappensAtTheEdge) {
  constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(checked_add<std::uint64_t>(top, 1), std::nullopt);
  EXPECT_EQ(checked_add<std::uint64_t>(top - 1, 1), top);
  EXPECT_EQ(checked_mul<std::uint64_t>(1ull << 32, 1ull << 32), std::nullopt);
  EXPECT_EQ(saturating_add<std::uint64_t>(top, 5), top);
  EXPECT_EQ(checked_align_up<std::uint64_t>(top, kPageSize), std::nullopt);
  EXPECT_EQ(checked_align_up<std::uint64_t>(4097, kPageSize), 8192u);
  EXPECT_EQ(checked_align_up<std::uint64_t>(0, kPageSize), 0u);
}

TEST(Prot, Bits) {
  EXPECT_TRUE(has(Prot::Read | Prot::Write, needed(Access::Write)));
  EXPECT_FALSE(has(Prot::Read, needed(Access::Execute)));
  EXPECT_EQ(~(Prot::Read | Prot::Write | Prot::Execute), Prot::User);
}

TEST(Error, EachHasAMessageOfItsOwn) {
  std::set<std::string> seen;
  for (unsigned i = 0; i <= unsigned(Error::Unsupported); ++i) seen.emplace(message(Error(i)));
  EXPECT_EQ(seen.size(), unsigned(Error::Unsupported) + 1);
  EXPECT_FALSE(seen.contains("unknown error"));
}

TEST(Failpoint, TheNthPassFailsOnce) {
  failpoint::Site site("test");
  EXPECT_FALSE(site.fails());
  site.fail_at(3);
  EXPECT_FALSE(site.fails());
  EXPECT_FALSE(site.fails());
  EXPECT_TRUE(site.fails());
  EXPECT_FALSE(site.fails());
  site.fail_at(1);
  site.fail_at(0);
  EXPECT_FALSE(site.fails());
}

TEST(Failpoint, AProbabilityIsSeeded) {
  failpoint::Site site("test");
  const auto draw = [&](double probability, std::uint64_t seed) {
    site.fail_with(probability, seed);
    std::vector<bool> result;
    for (int i = 0; i < 2000; ++i) result.push_back(site.fails());
    return result;
  };
  const auto failed = [](const std::vector<bool> &passes) { return std::count(passes.begin(), passes.end(), true); };
  EXPECT_EQ(draw(0.1, 7), draw(0.1, 7));
  EXPECT_NE(draw(0.1, 7), draw(0.1, 8));
  EXPECT_NEAR(double(failed(draw(0.1, 7))), 200, 60);
  EXPECT_EQ(failed(draw(0, 1)), 0);
  EXPECT_EQ(failed(draw(1, 1)), 2000);
  EXPECT_GE(site.failures(), 2000u);
}

TEST(Failpoint, IsArmedByText) {
  failpoint::Site &site = failpoint::frame_allocation;
  EXPECT_EQ(failpoint::find("frame_allocation"), &site);
  EXPECT_EQ(failpoint::find("nothing"), nullptr);
  EXPECT_EQ(failpoint::arm("frame_allocation:n=2"), "");
  EXPECT_FALSE(site.fails());
  EXPECT_TRUE(site.fails());
  EXPECT_FALSE(site.armed());
  EXPECT_EQ(failpoint::arm("frame_allocation:p=1,seed=7"), "");
  EXPECT_TRUE(site.fails());
  EXPECT_EQ(failpoint::arm("frame_allocation:off"), "");
  EXPECT_FALSE(site.armed());
  for (const char *wrong : {"", ":", "nothing:n=1", "frame_allocation", "frame_allocation:", "frame_allocation:n=0",
                            "frame_allocation:n=", "frame_allocation:n=-1", "frame_allocation:n=1x",
                            "frame_allocation:p=2", "frame_allocation:p=nan", "frame_allocation:p=-0.1",
                            "frame_allocation:p=0.1,seed=", "frame_allocation:p=0.1,x=1", "frame_allocation:p="})
    EXPECT_NE(failpoint::arm(wrong), "") << wrong;
  EXPECT_FALSE(site.armed()) << "a wrong text arms nothing";
  EXPECT_TRUE(std::ranges::is_sorted(failpoint::sites(), {}, &failpoint::Site::name));
}

} // namespace
} // namespace pagoda
