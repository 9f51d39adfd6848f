// Hostile guests and hostile command lines: a clear end in bounded time, and nothing left behind.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;

constexpr int kOwnError = 125;

// A run whose leftovers can be seen: orphans become the test's children, and its temporary files lie
// in a directory that is expected to be empty afterwards.
class Hostile : public testing::Test {
protected:
  void SetUp() override {
    std::filesystem::create_directories(temporary());
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }
  void TearDown() override {
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process is left behind";
    EXPECT_EQ(errno, ECHILD);
    EXPECT_TRUE(std::filesystem::is_empty(temporary())) << "files are left in " << temporary();
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  Finished run(const Words &words) const {
    Words all{"/usr/bin/env", "TMPDIR=" + temporary(), in_build("pagoda"), "run"};
    all.insert(all.end(), words.begin(), words.end());
    return run_native(all);
  }
  // `pagoda run` of a file with these bytes and this mode.
  Finished run_file(const std::string &bytes, mode_t mode = 0755) const {
    const std::string path = scratch_.file("program");
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return run({path});
  }
  [[nodiscard]] std::string temporary() const { return scratch_.file("tmp"); }

private:
  Scratch scratch_;
};

std::string bytes_of(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Way {
  const char *name;
  int code; // "survived" is expected with 0
  Words options = {};
};

std::string test_name(const testing::TestParamInfo<Way> &way) {
  std::string name = way.param.name;
  std::erase(name, '-');
  return name + std::to_string(way.index);
}

class HostileProgram : public Hostile, public testing::WithParamInterface<Way> {};

TEST_P(HostileProgram, EndsAsItWouldOnLinux) {
  const Way &way = GetParam();
  Words words = way.options;
  words.insert(words.end(), {guest_program("hostile"), way.name});
  const Finished guest = run(words);
  EXPECT_EQ(guest.code, way.code) << guest.out << guest.err;
  if (way.code == 0) { EXPECT_EQ(guest.out, "survived\n") << guest.err; }
}

INSTANTIATE_TEST_SUITE_P(Memory, HostileProgram,
                         testing::Values(Way{"map-everything", 0, {"--memory", "64M"}},
                                         Way{"eat-memory", 128 + SIGKILL, {"--memory", "32M"}},
                                         Way{"many-areas", 0, {"--memory", "64M"}},
                                         Way{"remap-under-threads", 0, {"--cpus", "2"}},
                                         Way{"unmap-under-threads", 128 + SIGSEGV, {"--cpus", "2"}},
                                         Way{"patch-text", 128 + SIGTRAP}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Tasks, HostileProgram,
                         testing::Values(Way{"fork-bomb", 0, {"--memory", "64M"}},
                                         Way{"thread-storm", 0, {"--cpus", "2"}},
                                         Way{"exit-in-a-storm", 0, {"--cpus", "2"}}, Way{"huge-arguments", 0}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Signals, HostileProgram,
                         testing::Values(Way{"signal-rain", 0}, Way{"forge-frames", 0},
                                         Way{"fault-in-handler", 128 + SIGSEGV},
                                         Way{"handler-without-stack", 128 + SIGSEGV}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Files, HostileProgram,
                         testing::Values(Way{"close-all", 42}, Way{"bad-epoll", 0}, Way{"broken-programs", 0},
                                         Way{"refused-programs", 0}),
                         test_name);

// Wild pointers, lengths and numbers in every argument of every system call of a range.
class WildCalls : public Hostile, public testing::WithParamInterface<std::pair<int, int>> {};

TEST_P(WildCalls, LeaveTheParentAlive) {
  const auto [first, last] = GetParam();
  const Finished guest = run({guest_program("wild_calls"), std::to_string(first), std::to_string(last)});
  EXPECT_EQ(guest.code, 0) << guest.out << guest.err.substr(0, 4000);
  EXPECT_THAT(guest.out, HasSubstr("calls, status 0\n"));
}

INSTANTIATE_TEST_SUITE_P(Ranges, WildCalls,
                         testing::Values(std::pair(0, 15), std::pair(16, 60), std::pair(61, 120), std::pair(121, 200),
                                         std::pair(201, 300), std::pair(301, 400), std::pair(401, 461)),
                         [](const auto &range) {
                           return std::to_string(range.param.first) + "to" + std::to_string(range.param.second);
                         });

TEST_F(Hostile, TooLittleMemoryIsOneSentence) {
  const Finished guest = run({"--memory", "1K", "/bin/true"});
  EXPECT_EQ(guest.code, kOwnError);
  EXPECT_THAT(guest.err, HasSubstr("--memory"));
}

TEST_F(Hostile, AProgramThatDoesNotFitIsToldSo) {
  const Finished guest = run({"--memory", "1M", "/usr/bin/python3", "-c", "pass"});
  EXPECT_EQ(guest.code, kOwnError);
  EXPECT_THAT(guest.err, HasSubstr("--memory"));
}

TEST_F(Hostile, AProgramThatRunsOutOfMemoryIsKilled) {
  const Finished guest = run({"--memory", "4M", "/usr/bin/python3", "-c", "pass"});
  EXPECT_EQ(guest.code, 128 + SIGKILL);
  EXPECT_THAT(guest.err, HasSubstr("out of memory"));
}

TEST_F(Hostile, AnotherArchitectureIsRefused) {
  std::string program = bytes_of(guest_program("hello"));
  ASSERT_GT(program.size(), 64u);
  program[18] = char(0xb7); // e_machine: AArch64
  EXPECT_EQ(run_file(program).code, 126);
}

TEST_F(Hostile, ATruncatedProgramHasAnEnd) {
  const std::string program = bytes_of(guest_program("hello"));
  for (const std::size_t length : {1ul, 4ul, 63ul, 64ul, 100ul, 500ul})
    EXPECT_EQ(run_file(program.substr(0, length)).code, 126) << length << " bytes";
  // Its headers are whole, its pages are not: refused, or SIGBUS or SIGSEGV where they are missing.
  for (const std::size_t length : {4096ul, 8192ul})
    EXPECT_THAT(run_file(program.substr(0, length)).code, AnyOf(Eq(126), Eq(128 + SIGBUS), Eq(128 + SIGSEGV)))
        << length << " bytes";
}

TEST_F(Hostile, WhatIsNoProgramIsRefused) {
  EXPECT_EQ(run({"/usr"}).code, 126);
  EXPECT_EQ(run_file("").code, 126);
  EXPECT_EQ(run_file("\x7f"
                     "ELF")
                .code,
            126);
  EXPECT_EQ(run_file(bytes_of(guest_program("hello")), 0644).code, 126);
  EXPECT_EQ(run({"/no/such/program"}).code, 127);
  const Finished lost = run_file("#!/no/such/interpreter\n");
  EXPECT_EQ(lost.code, 127);
  EXPECT_THAT(lost.err, HasSubstr("its interpreter /no/such/interpreter is not in the guest"));
}

TEST_F(Hostile, NonsenseOptionsAreNamed) {
  const std::string file = guest_program("hello");
  const std::vector<Words> cases{{"--bind", "nonsense"},
                                 {"--bind", ":"},
                                 {"--bind", "/no/such:/mnt"},
                                 {"--bind", "/usr:mnt"},
                                 {"--bind", "/usr:/mnt:rx"},
                                 {"--root", file},
                                 {"--root", "/no/such"},
                                 {"--memory", "0"},
                                 {"--memory", "100T"},
                                 {"--memory", "99999999999T"},
                                 {"--cpus", "0"},
                                 {"--cpus", "100000"}};
  for (Words words : cases) {
    const std::string option = words.front();
    words.push_back("/bin/true");
    const Finished guest = run(words);
    EXPECT_EQ(guest.code, kOwnError) << words[0] << ' ' << words[1];
    EXPECT_THAT(guest.err, HasSubstr(option)) << words[1];
    EXPECT_EQ(guest.out, "");
  }
}

} // namespace
} // namespace pagoda::test
