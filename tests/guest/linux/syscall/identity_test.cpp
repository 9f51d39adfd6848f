#include <sys/utsname.h>

#include "tests/guest/linux/syscall/call_world.hpp"

namespace pagoda::kernel {
namespace {

enum : unsigned {
  kUname = 63,
  kSetuid = 105,
  kGeteuid = 107,
  kSetpgid = 109,
  kSetsid = 112,
  kGetgroups = 115,
  kSetgroups = 116,
  kGetresuid = 118,
  kGetpgid = 121,
  kGetsid = 124,
  kCapget = 125,
  kCapset = 126,
  kSetrlimit = 160,
  kSethostname = 170,
  kPrlimit = 302,
  kGetrusage = 98,
  kSysinfo = 99,
  kPersonality = 135,
  kGetrandom = 318,
  kReboot = 169,
  kUserfaultfd = 323,
};

class AnyFile final : public File {
public:
  AnyFile() : File("/any", 0) {}
  [[nodiscard]] FileKind kind() const override { return FileKind::Regular; }
};

class IdentityCalls : public test::CallWorld {};

TEST_F(IdentityCalls, IdsAreTheGuestsOwn) {
  put(std::array<std::uint32_t, 3>{10, 20, 30});
  EXPECT_EQ(call(kSetgroups, 3, kScratch), 0);
  EXPECT_EQ(call(kGetgroups, 0, 0), 3);
  EXPECT_EQ(call(kGetgroups, 2, kScratch), -EINVAL);
  EXPECT_EQ(call(kGetgroups, 3, kScratch + 64), 3);
  EXPECT_EQ(read<std::uint32_t>(kScratch + 72), 30u);
  EXPECT_EQ(call(kSetuid, 1000), 0);
  EXPECT_EQ(call(kGeteuid), 1000);
  EXPECT_EQ(call(kSetuid, 0), -EPERM);
  EXPECT_EQ(call(kSetgroups, 0, 0), -EPERM);
  EXPECT_EQ(call(kGetresuid, kScratch, kScratch + 4, kScratch + 8), 0);
  EXPECT_EQ(read<std::uint32_t>(kScratch + 8), 1000u);
  EXPECT_EQ(call(kGetresuid, kScratch, kScratch + 4, 8), -EFAULT);
}

TEST_F(IdentityCalls, GroupsAndSessionsObeyTheTree) {
  Process &child = *add_process(2, 1);
  add_process(3, 2);
  EXPECT_EQ(call(kSetsid), -EPERM); // init leads its group
  EXPECT_EQ(call(kSetpgid, 0, 0), -EPERM);
  EXPECT_EQ(call(kSetpgid, 2, 0), 0);
  EXPECT_EQ(call(kGetpgid, 2), 2);
  EXPECT_EQ(call(kSetpgid, 2, 77), -EPERM);
  EXPECT_EQ(call(kSetpgid, 3, 0), -ESRCH); // a grandchild
  EXPECT_EQ(call(kSetpgid, 2, -5), -EINVAL);
  child.did_exec = true;
  EXPECT_EQ(call(kSetpgid, 2, 1), -EACCES);
  EXPECT_EQ(call_as(child, kSetpgid, 0, 1), 0);
  EXPECT_EQ(call_as(child, kSetsid), 2);
  EXPECT_EQ(call(kGetsid, 2), 2);
  EXPECT_EQ(call(kSetpgid, 2, 2), -EPERM);
  EXPECT_EQ(call(kGetsid, 99), -ESRCH);
}

TEST_F(IdentityCalls, LimitsTakeEffect) {
  EXPECT_EQ(call(kPrlimit, 0, RLIMIT_NOFILE, put(rlimit{3, 3}), kScratch + 64), 0);
  EXPECT_EQ(read<rlimit>(kScratch + 64).rlim_cur, 1024u);
  const auto file = std::make_shared<AnyFile>();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(process->fds->install(file, false), i);
  EXPECT_EQ(process->fds->install(file, false), -EMFILE);
  EXPECT_EQ(call(kSetrlimit, RLIMIT_AS, put(rlimit{20 * kPageSize, RLIM_INFINITY})), 0);
  EXPECT_EQ(call(9, 0, 8 * kPageSize, 3, 0x22, -1, 0), -ENOMEM);
  EXPECT_EQ(call(kSetrlimit, 99, kScratch), -EINVAL);
  EXPECT_EQ(call(kSetrlimit, RLIMIT_AS, 0), -EFAULT);
  EXPECT_EQ(call(kPrlimit, 44, RLIMIT_AS, 0, kScratch), -ESRCH);
  process->credentials.uid = process->credentials.euid = 1000;
  EXPECT_EQ(call(kSetrlimit, RLIMIT_NOFILE, put(rlimit{3, 4})), -EPERM);
}

TEST_F(IdentityCalls, NamesAndCapabilities) {
  EXPECT_EQ(call(kSethostname, put(std::array<char, 4>{'h', 'o', 's', 't'}), 4), 0);
  EXPECT_EQ(call(kSethostname, kScratch, 65), -EINVAL);
  EXPECT_EQ(call(kUname, kScratch + 512), 0);
  const auto names = read<utsname>(kScratch + 512);
  EXPECT_STREQ(names.sysname, "Linux");
  EXPECT_STREQ(names.nodename, "host");
  EXPECT_STREQ(names.machine, "x86_64");

  struct Header {
    std::uint32_t version;
    std::int32_t pid;
  };
  EXPECT_EQ(call(kCapget, put(Header{0x20080522, 0}), kScratch + 64), 0);
  EXPECT_EQ(read<std::uint32_t>(kScratch + 64), 0xffffffffu);
  EXPECT_EQ(call(kCapget, put(Header{7, 0}), kScratch + 64), -EINVAL);
  EXPECT_EQ(read<std::uint32_t>(kScratch), 0x20080522u); // told which version is right
  EXPECT_EQ(call(kCapget, put(Header{7, 0}), 0), 0);
  put(std::array<std::uint32_t, 6>{}, 64);
  EXPECT_EQ(call(kCapset, put(Header{0x20080522, 0}), kScratch + 64), 0);
  EXPECT_EQ(call(kSethostname, kScratch, 4), -EPERM);
}

TEST_F(IdentityCalls, SystemInformationIsTrue) {
  struct Info {
    std::int64_t uptime;
    std::uint64_t loads[3], total, free;
  };
  EXPECT_EQ(call(kSysinfo, kScratch), 0);
  const auto info = read<Info>(kScratch);
  EXPECT_EQ(info.total, memory->counters().managed * kPageSize);
  EXPECT_LT(info.free, info.total);
  {
    const LockGuard guard(kernel->mutex);
    task->user_ns = 3'250'000'000;
    task->minor_faults = 12;
  }
  EXPECT_EQ(call(kGetrusage, RUSAGE_SELF, kScratch), 0);
  const auto usage = read<rusage>(kScratch);
  EXPECT_EQ(usage.ru_utime.tv_sec, 3);
  EXPECT_EQ(usage.ru_utime.tv_usec, 250'000);
  EXPECT_EQ(usage.ru_minflt, 12);
  EXPECT_GT(usage.ru_maxrss, 0);
  EXPECT_EQ(call(kGetrusage, 7, kScratch), -EINVAL);
}

TEST_F(IdentityCalls, RandomPersonalityAndRefusals) {
  EXPECT_EQ(call(kGetrandom, kScratch, 64, 0), 64);
  EXPECT_NE(read<std::uint64_t>(kScratch), read<std::uint64_t>(kScratch + 8));
  EXPECT_EQ(call(kGetrandom, kScratch, 64, 0x80), -EINVAL);
  EXPECT_EQ(call(kGetrandom, 8, 64, 0), -EFAULT);
  EXPECT_EQ(call(kGetrandom, kScratch + 16 * kPageSize - 10, 64, 0), 10); // as much as there was room for
  EXPECT_EQ(call(kPersonality, 0xffffffff), 0);
  EXPECT_EQ(call(kPersonality, 0x0040000), 0);
  EXPECT_EQ(call(kPersonality, 0xffffffff), 0x0040000);
  EXPECT_EQ(call(kPersonality, 0x0008), -EINVAL);
  EXPECT_EQ(call(kReboot, 0, 0, 0, 0), -EPERM);
  EXPECT_EQ(call(kUserfaultfd, 0), -ENOSYS);
}

} // namespace
} // namespace pagoda::kernel
