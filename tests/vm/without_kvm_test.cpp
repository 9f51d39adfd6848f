// Hosts on which no VM can run: one sentence with a way out, and exit code 125.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

constexpr int kOwnError = 125;

// `pagoda WORDS` where the mounts of /dev are as `script` leaves them.
Finished run_where(const std::string &script, const std::string &words) {
  Words command{"unshare", "--mount"};
  if (::geteuid() != 0) command.insert(command.begin() + 1, "--map-root-user");
  command.insert(command.end(), {"sh", "-c", script + " && exec " + in_build("pagoda") + " " + words});
  return run_native(command);
}

void expect_one_sentence(const Finished &finished, const std::string &way_out) {
  EXPECT_EQ(finished.code, kOwnError);
  EXPECT_EQ(finished.out, "");
  EXPECT_THAT(finished.err, HasSubstr("/dev/kvm"));
  EXPECT_THAT(finished.err, HasSubstr(way_out));
  EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
}

TEST(WithoutKvm, NoDevice) {
  expect_one_sentence(run_where("mount -t tmpfs none /dev", "run /bin/true"), "modprobe kvm");
  expect_one_sentence(run_where("mount -t tmpfs none /dev", "doctor"), "modprobe kvm");
}

TEST(WithoutKvm, AnotherDevice) {
  expect_one_sentence(run_where("mount --bind /dev/null /dev/kvm", "run /bin/true"), "not a KVM device");
}

TEST(WithoutKvm, NoPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give the device to somebody else";
  const std::string closed = "mkdir -p /run/closed && mount -t tmpfs none /run && cp " + in_build("pagoda") +
                             " /run/pagoda && chmod 755 /run/pagoda && cp -a /dev/kvm /run/kvm && chmod 600 /run/kvm "
                             "&& mount --bind /run/kvm /dev/kvm && exec setpriv --reuid 65534 --regid 65534 "
                             "--clear-groups /run/pagoda run /bin/true";
  const Finished finished = run_native({"unshare", "--mount", "sh", "-c", closed});
  expect_one_sentence(finished, "kvm");
}

} // namespace
} // namespace pagoda::test
