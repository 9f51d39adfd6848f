#include "tools/pagoda/trace/call_text.hpp"

#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/pagoda/trace/flag_names.hpp"
#include "tools/pagoda/trace/malloc_watch.hpp"

namespace pagoda::tools {
namespace {

using testing::HasSubstr;

// Memory that holds a few strings and nothing else.
class FakeMemory final : public GuestReader {
public:
  std::map<std::uint64_t, std::string> at;
  std::expected<std::string, fault::StringError> text(Gva gva, std::size_t) override {
    const auto found = at.find(gva.value());
    if (found == at.end()) return std::unexpected(fault::StringError::Fault);
    return found->second;
  }
  std::size_t bytes(Gva gva, std::span<std::byte> out) override {
    const auto found = at.find(gva.value());
    if (found == at.end()) return 0;
    const std::size_t count = std::min(out.size(), found->second.size());
    std::memcpy(out.data(), found->second.data(), count);
    return count;
  }
};

constexpr std::uint64_t kAtCwd = std::uint64_t(AT_FDCWD);

TEST(CallText, LooksLikeStrace) {
  FakeMemory memory;
  memory.at[0x1000] = "/etc/passwd";
  memory.at[0x2000] = "hello\n\x01\"";
  EXPECT_EQ(call_text({"openat", "fsxo", {kAtCwd, 0x1000, O_RDONLY | O_CLOEXEC, 0777}, true, 3}, memory),
            "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3");
  EXPECT_EQ(call_text({"openat", "fsxo", {kAtCwd, 0x1000, O_WRONLY | O_CREAT, 0644}, true, 3}, memory),
            "openat(AT_FDCWD, \"/etc/passwd\", O_WRONLY|O_CREAT, 0644) = 3");
  EXPECT_EQ(call_text({"write", "fbu", {1, 0x2000, 8}, true, 8}, memory), "write(1, \"hello\\n\\x01\\\"\", 8) = 8");
  EXPECT_EQ(call_text({"read", "fbu", {0, 0x2000, 4096}, true, 2}, memory), "read(0, \"he\", 4096) = 2");
  EXPECT_EQ(call_text({"close", "f", {99}, true, -9}, memory), "close(99) = -1 EBADF (Bad file descriptor)");
  EXPECT_EQ(call_text({"exit_group", "d", {3}, false, 0}, memory), "exit_group(3) = ?");
  EXPECT_EQ(call_text({"kill", "dS", {12, 15}, true, 0}, memory), "kill(12, SIGTERM) = 0");
  EXPECT_EQ(call_text({"kill", "dS", {std::uint32_t(-1), 9}, true, 0}, memory), "kill(-1, SIGKILL) = 0");
  EXPECT_EQ(
      call_text({"mmap", "pxxxfx", {0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull, 0}, true, 0x7f0000000000}, memory),
      "mmap(NULL, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x0) = 0x7f0000000000");
}

TEST(CallText, WildPointersAreShownAsSuch) {
  FakeMemory memory;
  EXPECT_EQ(call_text({"openat", "fsxo", {kAtCwd, 0xdead, 0}, true, -14}, memory),
            "openat(AT_FDCWD, 0xdead, O_RDONLY) = -1 EFAULT (Bad address)");
  EXPECT_EQ(call_text({"write", "fbu", {1, 0xdead, ~0ull}, true, -14}, memory),
            "write(1, 0xdead, 18446744073709551615) = -1 EFAULT (Bad address)");
  EXPECT_EQ(call_text({"read", "fbu", {1, 0xdead, 10}, true, -9}, memory),
            "read(1, 0xdead, 10) = -1 EBADF (Bad file descriptor)");
}

TEST(CallText, ExecveShowsWhatRunsNow) {
  FakeMemory memory;
  CompletedCall call{"execve", "spp", {0x1000, 0x2000, 0x3000}, true, 0, "/bin/ls"};
  EXPECT_EQ(call_text(call, memory), "execve(\"/bin/ls\", 0x2000, 0x3000) = 0");
}

TEST(CallText, LongBuffersAreCut) {
  FakeMemory memory;
  memory.at[0x1000] = std::string(100, 'x');
  EXPECT_EQ(call_text({"write", "fbu", {1, 0x1000, 100}, true, 100}, memory),
            "write(1, \"" + std::string(kBufferShown, 'x') + "\"..., 100) = 100");
}

TEST(FlagNames, UnknownBitsStayVisible) {
  EXPECT_EQ(flag_argument("mprotect", 2, PROT_READ | 0x40000), "PROT_READ|0x40000");
  EXPECT_EQ(flag_argument("mprotect", 2, 0), "PROT_NONE");
  EXPECT_EQ(flag_argument("lseek", 2, 77), "0x4d");
  EXPECT_EQ(flag_argument("futex", 1, 0x80), "FUTEX_WAIT|FUTEX_PRIVATE_FLAG");
  EXPECT_EQ(flag_argument("lseek", 1, 0), std::nullopt);
}

using Args = std::array<std::uint64_t, 6>;
constexpr std::uint64_t kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;

TEST(MallocWatch, FollowsTheHeap) {
  MallocWatch watch;
  EXPECT_EQ(watch.call(1, "brk", Args{0}, 0x100000), std::nullopt); // the question where it begins
  const auto grown = watch.call(1, "brk", Args{0x121000}, 0x121000);
  ASSERT_TRUE(grown);
  EXPECT_THAT(*grown, HasSubstr("+132.0 KiB"));
  EXPECT_TRUE(watch.touch(1, Gva(0x100010), 16, {Gva(0x100000), Gva(0x110000)}));
  EXPECT_TRUE(watch.touch(1, Gva(0x110000), 16, {Gva(0x110000), Gva(0x120000)}));
  EXPECT_EQ(watch.touch(1, Gva(0x500000), 1, {Gva(0x500000), Gva(0x501000)}), std::nullopt); // not heap
  EXPECT_EQ(watch.touch(2, Gva(0x100010), 1, {Gva(0x100000), Gva(0x101000)}), std::nullopt); // another process
  const auto shrunk = watch.call(1, "brk", Args{0x110000}, 0x110000);
  ASSERT_TRUE(shrunk);
  EXPECT_THAT(*shrunk, HasSubstr("16 touched pages came back"));
  EXPECT_EQ(watch.totals().heap_high, 0x21000u);
  EXPECT_EQ(watch.totals().touched_pages, 32u);
  EXPECT_EQ(watch.totals().returned_pages, 16u);
}

TEST(MallocWatch, FollowsMappings) {
  MallocWatch watch;
  EXPECT_TRUE(watch.call(1, "mmap", Args{0, 0x40000, 3, kAnonymous, ~0ull, 0}, 0x7000000));
  EXPECT_EQ(watch.call(1, "mmap", Args{0, 0x1000, 1, MAP_PRIVATE, 3, 0}, 0x8000000), std::nullopt); // a file
  EXPECT_EQ(watch.call(1, "mmap", Args{0, 0x1000, 3, kAnonymous, ~0ull, 0}, -12), std::nullopt);    // failed
  EXPECT_TRUE(watch.touch(1, Gva(0x7000000), 16, {Gva(0x7000000), Gva(0x7010000)}));
  EXPECT_TRUE(watch.touch(1, Gva(0x7030000), 16, {Gva(0x7030000), Gva(0x7040000)}));
  const auto given = watch.call(1, "madvise", Args{0x7000000, 0x2000, MADV_DONTNEED}, 0);
  ASSERT_TRUE(given);
  EXPECT_THAT(*given, HasSubstr("2 touched pages came back"));
  const auto unmapped = watch.call(1, "munmap", Args{0x7000000, 0x40000}, 0);
  ASSERT_TRUE(unmapped);
  EXPECT_THAT(*unmapped, HasSubstr("30 touched pages came back"));
  EXPECT_EQ(watch.touch(1, Gva(0x7000000), 1, {Gva(0x7000000), Gva(0x7001000)}), std::nullopt);
  EXPECT_EQ(watch.totals().smallest_mmap, 0x40000u);
  EXPECT_THAT(watch.summary(), HasSubstr("32 pages (128.0 KiB)"));
}

TEST(MallocWatch, ACutInTheMiddleLeavesBothSides) {
  MallocWatch watch;
  (void)watch.call(1, "mmap", Args{0, 0x30000, 3, kAnonymous, ~0ull, 0}, 0x7000000);
  EXPECT_TRUE(watch.call(1, "munmap", Args{0x7010000, 0x10000}, 0));
  EXPECT_TRUE(watch.touch(1, Gva(0x7000000), 1, {Gva(0x7000000), Gva(0x7001000)}));
  EXPECT_EQ(watch.touch(1, Gva(0x7010000), 1, {Gva(0x7010000), Gva(0x7011000)}), std::nullopt);
  EXPECT_TRUE(watch.touch(1, Gva(0x7020000), 1, {Gva(0x7020000), Gva(0x7021000)}));
}

TEST(MallocWatch, HostileLengthsAreHarmless) {
  MallocWatch watch;
  (void)watch.call(1, "munmap", Args{~0ull - 5, ~0ull}, 0);
  (void)watch.call(1, "madvise", Args{1, ~0ull, MADV_DONTNEED}, 0);
  (void)watch.call(1, "mremap", Args{0, ~0ull, ~0ull, 0, 0, 0}, 0x1000);
  EXPECT_EQ(watch.totals().returned_pages, 0u);
}

} // namespace
} // namespace pagoda::tools
