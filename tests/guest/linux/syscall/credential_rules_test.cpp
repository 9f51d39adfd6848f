#include "guest/linux/syscall/identity/credential_rules.hpp"

#include <cerrno>
#include <gtest/gtest.h>

#include "guest/linux/syscall/identity/limits.hpp"

namespace pagoda::kernel {
namespace {

constexpr IdSet kUser{1000, 1000, 1000, 1000};

TEST(CredentialRules, SetuidIsForGoodOnlyForRoot) {
  IdSet ids{0, 0, 0, 0};
  EXPECT_EQ(set_id(ids, 1000, true), 0);
  EXPECT_EQ(ids, kUser);
  EXPECT_EQ(set_id(ids, 0, false), EPERM);
  EXPECT_EQ(ids, kUser);
  IdSet setuid_program{1000, 0, 0, 0};
  EXPECT_EQ(set_id(setuid_program, 1000, false), 0);
  EXPECT_EQ(setuid_program, (IdSet{1000, 1000, 0, 1000}));
  EXPECT_EQ(set_id(setuid_program, 0, false), 0); // the saved id brings it back
  EXPECT_EQ(set_id(setuid_program, kKeepId, true), EINVAL);
}

TEST(CredentialRules, SetreuidSwapsAndSavesWhenItMust) {
  IdSet ids{1000, 2000, 2000, 2000};
  EXPECT_EQ(set_real_effective(ids, 2000, 1000, false), 0);
  EXPECT_EQ(ids, (IdSet{2000, 1000, 1000, 1000}));
  IdSet other = kUser;
  EXPECT_EQ(set_real_effective(other, kKeepId, 5, false), EPERM);
  EXPECT_EQ(set_real_effective(other, 5, kKeepId, false), EPERM);
  EXPECT_EQ(other, kUser);
  IdSet effective_only{1000, 2000, 3000, 2000};
  EXPECT_EQ(set_real_effective(effective_only, kKeepId, 1000, false), 0);
  EXPECT_EQ(effective_only.saved, 3000u); // effective becomes the real id: nothing is saved
}

TEST(CredentialRules, SetresuidTakesAnyOfTheThree) {
  IdSet ids{1, 2, 3, 2};
  EXPECT_EQ(set_real_effective_saved(ids, 3, 1, 2, false), 0);
  EXPECT_EQ(ids, (IdSet{3, 1, 2, 1}));
  EXPECT_EQ(set_real_effective_saved(ids, kKeepId, 9, kKeepId, false), EPERM);
  EXPECT_EQ(set_real_effective_saved(ids, kKeepId, 9, kKeepId, true), 0);
  EXPECT_EQ(ids, (IdSet{3, 9, 2, 9}));
  EXPECT_EQ(set_filesystem_id(ids, 3, false), 9u);
  EXPECT_EQ(set_filesystem_id(ids, 77, false), 3u);
  EXPECT_EQ(ids.filesystem, 3u);
}

TEST(CredentialRules, CapabilitiesFollowTheUserAndOnlyShrink) {
  Credentials root;
  EXPECT_EQ(capabilities(root).effective, kAllCapabilities);
  EXPECT_TRUE(capable(root, Capability::SetUid));
  CapabilitySets fewer = capabilities(root);
  fewer.effective &= ~(1ull << unsigned(Capability::SetUid));
  EXPECT_EQ(set_capabilities(root, fewer), 0);
  EXPECT_FALSE(capable(root, Capability::SetUid));
  EXPECT_EQ(set_capabilities(root, {kAllCapabilities, kAllCapabilities, 0}), 0); // only lowered: comes back
  EXPECT_TRUE(capable(root, Capability::SetUid));
  EXPECT_EQ(set_capabilities(root, {1, 1, 0}), 0);
  EXPECT_EQ(set_capabilities(root, {3, 3, 0}), EPERM); // dropped: does not
  Credentials user;
  user.uid = user.euid = user.suid = 1000;
  EXPECT_EQ(capabilities(user).permitted, 0u);
  EXPECT_EQ(set_capabilities(user, {1, 1, 0}), EPERM);
  EXPECT_EQ(set_capabilities(user, {}), 0);
}

TEST(Limits, SoftStaysBelowHardAndHardOnlyFalls) {
  EXPECT_EQ(check_limit(RLIMIT_STACK, {10, 20}, {21, 20}, true), EINVAL);
  EXPECT_EQ(check_limit(RLIMIT_STACK, {10, 20}, {20, 20}, false), 0);
  EXPECT_EQ(check_limit(RLIMIT_STACK, {10, 20}, {5, 30}, false), EPERM);
  EXPECT_EQ(check_limit(RLIMIT_STACK, {10, 20}, {5, 30}, true), 0);
  EXPECT_EQ(check_limit(RLIMIT_NOFILE, {10, 20}, {5, RLIM_INFINITY}, true), EPERM);
  const auto defaults = default_limits(1ull << 30);
  EXPECT_EQ(space_limits(defaults).stack, 8u << 20);
  EXPECT_EQ(space_limits(defaults).address_space, ~0ull);
}

} // namespace
} // namespace pagoda::kernel
