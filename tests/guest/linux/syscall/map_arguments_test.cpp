#include "guest/linux/syscall/memory/map_arguments.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace pagoda::kernel {
namespace {

using Placement = space::MapRequest::Placement;
constexpr std::uint64_t kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

int error_of(const MapArguments &arguments) {
  const auto plan = decode_map(arguments);
  return plan ? 0 : plan.error();
}

TEST(MapArguments, LengthsAndOffsetsAtTheEdgeGiveTheirErrno) {
  EXPECT_EQ(error_of({0, 0, PROT_READ, kAnonymous, 0}), EINVAL);
  EXPECT_EQ(error_of({0, kPageSize, PROT_READ, kAnonymous, 1}), EINVAL);
  EXPECT_EQ(error_of({0, ~0ull, PROT_READ, kAnonymous, 0}), ENOMEM);
  EXPECT_EQ(error_of({0, 1ull << 48, PROT_READ, kAnonymous, 0}), ENOMEM);
  EXPECT_EQ(error_of({0, 2 * kPageSize, PROT_READ, MAP_PRIVATE, ~kPageMask}), EOVERFLOW);
  EXPECT_EQ(error_of({0, 1, PROT_READ, kAnonymous, 0}), 0);
}

TEST(MapArguments, SharingMustBeNamed) {
  EXPECT_EQ(error_of({0, kPageSize, PROT_READ, MAP_ANONYMOUS, 0}), EINVAL);
  EXPECT_EQ(error_of({0, kPageSize, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, 0}), EINVAL);
  EXPECT_EQ(error_of({0, kPageSize, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, 0}), EOPNOTSUPP);
  EXPECT_EQ(error_of({0, kPageSize, PROT_READ, MAP_SHARED_VALIDATE | 0x200000000, 0}), EOPNOTSUPP);
  const auto shared = decode_map({0, kPageSize, PROT_READ, MAP_SHARED_VALIDATE, 0});
  ASSERT_TRUE(shared);
  EXPECT_TRUE(shared->shared && shared->request.area.shared);
  EXPECT_FALSE(shared->anonymous);
}

TEST(MapArguments, AFixedPlaceIsCheckedAndAHintIsRounded) {
  EXPECT_EQ(error_of({0x10001, kPageSize, 0, kAnonymous | MAP_FIXED, 0}), EINVAL);
  EXPECT_EQ(error_of({0, kPageSize, 0, kAnonymous | MAP_FIXED, 0}), EPERM);
  EXPECT_EQ(error_of({space::kUserEnd.value(), kPageSize, 0, kAnonymous | MAP_FIXED, 0}), ENOMEM);
  EXPECT_EQ(error_of({~kPageMask, 2 * kPageSize, 0, kAnonymous | MAP_FIXED, 0}), ENOMEM);

  const auto hinted = decode_map({0x12345678, kPageSize, PROT_READ, kAnonymous, 0});
  ASSERT_TRUE(hinted);
  EXPECT_EQ(hinted->request.hint, Gva(0x12345000));
  EXPECT_EQ(hinted->request.placement, Placement::Anywhere);
  EXPECT_EQ(decode_map({1 << 12, kPageSize, 0, kAnonymous, 0})->request.hint, space::kUserBegin);
  EXPECT_EQ(decode_map({0x100000, 1, 0, kAnonymous | MAP_FIXED_NOREPLACE, 0})->request.placement,
            Placement::FixedNoReplace);
  EXPECT_EQ(decode_map({0, 1, 0, kAnonymous | MAP_32BIT, 0})->request.placement, Placement::Low32);
}

TEST(MapArguments, FlagsReachTheArea) {
  const auto plan = decode_map({0, 5000, PROT_READ | PROT_EXEC, kAnonymous | MAP_NORESERVE | MAP_GROWSDOWN, 0});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->request.length, 2 * kPageSize);
  EXPECT_EQ(plan->request.area.prot, Prot::Read | Prot::Execute);
  EXPECT_TRUE(plan->request.area.no_reserve);
  EXPECT_TRUE(plan->request.area.grows_down);
  EXPECT_TRUE(decode_map({0, 1, 0, kAnonymous | MAP_POPULATE, 0})->populate);
  EXPECT_FALSE(decode_map({0, 1, 0, kAnonymous | MAP_POPULATE | MAP_NONBLOCK, 0})->populate);
  EXPECT_TRUE(decode_map({0, 1, 0, kAnonymous | MAP_LOCKED, 0})->locked);
  EXPECT_EQ(error_of({0, kPageSize, 0, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, 0}), EINVAL);
  EXPECT_EQ(error_of({0, kPageSize, 0, kAnonymous | MAP_HUGETLB, 0}), ENOMEM);
  EXPECT_EQ(error_of({0, kPageSize, 0, MAP_PRIVATE | MAP_HUGETLB, 0}), EINVAL);
}

TEST(MapArguments, RangesRoundUpAndRefuseToWrap) {
  EXPECT_EQ(decode_range(0x1000, 1, EINVAL, ENOMEM), (GvaRange{Gva(0x1000), Gva(0x2000)}));
  EXPECT_EQ(decode_range(0x1001, 1, EINVAL, ENOMEM).error(), EINVAL);
  EXPECT_EQ(decode_range(0x1000, ~0ull, EINVAL, ENOMEM).error(), ENOMEM);
  EXPECT_EQ(decode_range(~kPageMask, kPageSize, EINVAL, ENOMEM).error(), ENOMEM);
  EXPECT_TRUE(decode_range(0x1000, 0, EINVAL, ENOMEM)->empty());
}

} // namespace
} // namespace pagoda::kernel
