// `pagoda run` itself: exit codes, streams, limits, signals, what the guest sees of the host.
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

TEST(Run, HelloOnItsOwn) {
  const Finished hello = run_pagoda({"run", guest_program("hello")});
  EXPECT_EQ(hello.out, "hello\n");
  EXPECT_EQ(hello.err, "");
  EXPECT_EQ(hello.code, 0);
}

TEST(Run, TheDemonstrationRunsThrough) {
  const Finished demo = run_pagoda({"run", "--stats", guest_program("demo")});
  EXPECT_EQ(demo.code, 0) << demo.err;
  for (const char *part : {"process 1 on Linux, host name \"pagoda\"", "SIGSEGV at 0x123456789000, nothing mapped",
                           "forbidden (SEGV_ACCERR)", "zeroes everywhere", "= 499999500000",
                           "the child left with 42; my copy of its variable is still 1"})
    EXPECT_THAT(demo.out, HasSubstr(part));
  EXPECT_THAT(demo.out, testing::ContainsRegex("[+]819[0-9] after touching, [+]0 after free"));
  EXPECT_EQ(demo.out.find("NOT stopped"), std::string::npos) << demo.out;
  for (const char *part : {"ended with 0", "exits", "demand-zero", "page tables", "system calls", "in the guest"})
    EXPECT_THAT(demo.err, HasSubstr(part));
}

TEST(Run, ExitCodesAreTheGuests) {
  for (const int code : {0, 1, 42, 124, 255})
    EXPECT_EQ(run_pagoda({"run", "/bin/sh", "-c", "exit " + std::to_string(code)}).code, code);
  EXPECT_EQ(run_pagoda({"run", "/bin/sh", "-c", "kill -TERM $$"}).code, 128 + SIGTERM);
  EXPECT_EQ(run_pagoda({"run", "/bin/sh", "-c", "kill -KILL $$"}).code, 128 + SIGKILL);
}

TEST(Run, WhatCannotRunIs126Or127) {
  const Finished missing = run_pagoda({"run", "/no/such/program"});
  EXPECT_EQ(missing.code, 127);
  EXPECT_THAT(missing.err, HasSubstr("/no/such/program"));
  EXPECT_EQ(run_pagoda({"run", "no-such-program-in-path"}).code, 127);
  EXPECT_EQ(run_pagoda({"run", "/etc/passwd"}).code, 126);
  EXPECT_EQ(run_pagoda({"run", "/etc"}).code, 126);
  Scratch scratch;
  std::ofstream(scratch.file("text")) << "no program\n";
  ::chmod(scratch.file("text").c_str(), 0755);
  EXPECT_EQ(run_pagoda({"run", scratch.file("text")}).code, 126);
  std::ofstream(scratch.file("script")) << "#!/no/such/interpreter\n";
  ::chmod(scratch.file("script").c_str(), 0755);
  EXPECT_EQ(run_pagoda({"run", scratch.file("script")}).code, 127);
}

TEST(Run, OwnErrorsAre125AndNameTheOption) {
  const Finished bad = run_pagoda({"run", "--memory", "1K", guest_program("hello")});
  EXPECT_EQ(bad.code, 125);
  EXPECT_THAT(bad.err, HasSubstr("--memory"));
  EXPECT_EQ(run_pagoda({"run", "--stats-file", "/no/such/dir/x", guest_program("hello")}).code, 125);
  EXPECT_EQ(run_pagoda({"run", "--bind", "/etc:/dev/null/x", guest_program("hello")}).code, 125);
}

TEST(Run, StreamsPassThrough) {
  RunSettings settings;
  settings.input = std::string(300'000, 'x') + "\nlast\n";
  const Finished cat = run_pagoda({"run", "/bin/cat"}, settings);
  EXPECT_EQ(cat.out, settings.input);
  const Finished both = run_pagoda({"run", "/bin/sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(both.out, "out\n");
  EXPECT_EQ(both.err, "err\n");
}

TEST(Run, ArgumentsAndEnvironment) {
  EXPECT_EQ(run_pagoda({"run", "printf", "%s|", "a b", "", "--memory", "-x"}).out, "a b||--memory|-x|");
  EXPECT_EQ(run_pagoda({"run", "--clean-env", "--env", "A=1", "--env", "B=x y", "/usr/bin/env"}).out, "A=1\nB=x y\n");
  EXPECT_EQ(run_pagoda({"run", "--workdir", "/usr", "/bin/pwd"}).out, "/usr\n");
  const Finished kept = run_pagoda({"run", "/usr/bin/env"});
  EXPECT_THAT(kept.out, HasSubstr("HOME=/root\n"));
}

TEST(Run, TimeOutIs124) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_pagoda({"run", "--timeout", "300ms", guest_program("spin")}).code, 124);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  // One that ignores SIGTERM is killed a second later.
  EXPECT_EQ(run_pagoda({"run", "--timeout", "300ms", "/bin/sh", "-c", "trap '' TERM; while :; do :; done"}).code, 124);
  EXPECT_EQ(run_pagoda({"run", "--timeout", "30s", guest_program("hello")}).code, 0);
}

// A guest in the background, to be signalled; its output goes to a file.
class Background {
public:
  explicit Background(const Words &words, const std::string &output) {
    child_ = ::fork();
    if (child_ != 0) return;
    const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(fd, 1);
    std::vector<char *> argv;
    const std::string command = in_build("pagoda");
    argv.push_back(const_cast<char *>(command.c_str()));
    for (const std::string &word : words) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(99);
  }
  ~Background() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
  }
  void send(int signal) const { ::kill(child_, signal); }
  int wait() {
    bool timed_out = false;
    const int code = detail::wait_for(child_, std::chrono::steady_clock::now() + std::chrono::seconds(20), timed_out);
    child_ = -1;
    EXPECT_FALSE(timed_out);
    return code;
  }

private:
  pid_t child_ = -1;
};

std::string content(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool appears(const std::string &path, const std::string &text) {
  for (int i = 0; i < 1000; ++i) {
    if (content(path).find(text) != std::string::npos) return true;
    ::usleep(10'000);
  }
  return false;
}

TEST(Run, SignalsReachTheGuest) {
  Scratch scratch;
  const std::string out = scratch.file("out");
  Background guest({"run", "/bin/bash", "-c",
                    "trap 'echo got INT' INT; trap 'echo got HUP; exit 7' HUP; echo ready; "
                    "while :; do sleep 0.05; done"},
                   out);
  ASSERT_TRUE(appears(out, "ready"));
  guest.send(SIGINT);
  EXPECT_TRUE(appears(out, "got INT"));
  guest.send(SIGHUP);
  EXPECT_EQ(guest.wait(), 7);
  EXPECT_THAT(content(out), HasSubstr("got HUP"));
}

TEST(Run, CtrlCTwiceKillsWhatIgnoresIt) {
  Scratch scratch;
  const std::string out = scratch.file("out");
  Background guest({"run", "/bin/bash", "-c", "trap '' INT; echo ready; while :; do :; done"}, out);
  ASSERT_TRUE(appears(out, "ready"));
  guest.send(SIGINT);
  ::usleep(200'000);
  guest.send(SIGINT);
  EXPECT_EQ(guest.wait(), 128 + SIGINT);
}

TEST(Run, StatsAsJson) {
  Scratch scratch;
  const Finished run =
      run_pagoda({"run", "--stats=json", "--stats-file", scratch.file("stats"), "/bin/sh", "-c", "exit 3"});
  EXPECT_EQ(run.code, 3);
  const auto json = nlohmann::json::parse(content(scratch.file("stats")));
  EXPECT_EQ(json["exit_code"], 3);
  EXPECT_GT(json["exits"]["system call"], 0);
  EXPECT_GT(json["memory"]["peak_resident_bytes"], 4096);
  EXPECT_GT(json["memory"]["peak_table_pages"], 3);
  EXPECT_GT(json["time_ns"]["guest"], 0);
  EXPECT_TRUE(json["syscalls"]["by_name"].contains("exit_group"));
}

// The guest has a /tmp of its own, but a program that is named there is shown to it: that file alone.
TEST(Run, AProgramUnderTmpIsShownAndNothingElseThere) {
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("pagoda-shown-{}", ::getpid());
  std::filesystem::create_directories(directory);
  std::filesystem::copy_file(guest_program("hello"), directory / "hello");
  std::ofstream(directory / "secret") << "secret";
  EXPECT_EQ(run_pagoda({"run", (directory / "hello").string()}).out, "hello\n");
  EXPECT_NE(run_pagoda({"run", "/bin/cat", (directory / "secret").string()}).code, 0);
  std::filesystem::remove_all(directory);
}

// Ten thousand rounds of mmap, touch and munmap: the buddy ends as a run that does nothing leaves it.
TEST(Run, NoFrameIsLost) {
  const auto frames_after = [](const std::string &program) {
    Scratch scratch;
    const Finished run = run_pagoda({"run", "--stats=json", "--stats-file", scratch.file("stats"), program});
    EXPECT_EQ(run.code, 0) << run.err;
    return nlohmann::json::parse(content(scratch.file("stats")))["memory"]["frames"];
  };
  const auto idle = frames_after(guest_program("hello"));
  const auto busy = frames_after(guest_program("rounds"));
  EXPECT_EQ(busy["failures"], 0);
  EXPECT_GT(busy["allocations"], 300'000);
  EXPECT_EQ(busy["managed"], idle["managed"]);
  EXPECT_EQ(busy["free"], idle["free"]);
}

TEST(Run, Traces) {
  const Finished calls = run_pagoda({"run", "--trace", "syscalls", "/bin/cat", "/etc/hostname"});
  EXPECT_EQ(calls.code, 0);
  EXPECT_THAT(calls.err, HasSubstr("openat(AT_FDCWD, \"/etc/hostname\", O_RDONLY) = "));
  EXPECT_THAT(calls.err, HasSubstr("exit_group(0) = ?"));
  const Finished faults = run_pagoda({"run", "--trace", "faults", guest_program("hello")});
  EXPECT_THAT(faults.err, HasSubstr("fault demand-zero write 0x"));
  const Finished heap = run_pagoda({"run", "--trace", "malloc", guest_program("demo")});
  for (const char *part : {"malloc brk    +", "malloc mmap   +32.0 MiB", "malloc touch", "malloc munmap -32.0 MiB",
                           "malloc brk    -", "malloc summary"})
    EXPECT_THAT(heap.err, HasSubstr(part));
  EXPECT_THAT(heap.err, testing::ContainsRegex("munmap -32.0 MiB at 0x[0-9a-f]+, 8,19[0-9] touched pages came back"));
  Scratch scratch;
  const Finished file =
      run_pagoda({"run", "--trace", "exits", "--trace-file", scratch.file("trace"), guest_program("hello")});
  EXPECT_EQ(file.err, "");
  EXPECT_THAT(content(scratch.file("trace")), HasSubstr("exit system call"));
}

TEST(Run, TheHostIsReadOnlyAndTmpIsPrivate) {
  Scratch scratch;
  EXPECT_NE(run_pagoda({"run", "/bin/sh", "-c", "echo x > " + scratch.file("new")}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(scratch.file("new")));
  EXPECT_EQ(
      run_pagoda({"run", "/bin/sh", "-c", "ls -A /tmp | wc -l; echo x > /tmp/pagoda-test-private; cat /tmp/*"}).out,
      "0\nx\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/pagoda-test-private"));
}

TEST(Run, BindsShowAndLimit) {
  Scratch scratch;
  std::ofstream(scratch.file("in")) << "from the host\n";
  std::filesystem::create_directory(scratch.file("empty"));
  const std::string read_only = scratch.path() + ":/mnt";
  EXPECT_EQ(run_pagoda({"run", "--bind", read_only, "/bin/cat", "/mnt/in"}).out, "from the host\n");
  EXPECT_NE(run_pagoda({"run", "--bind", read_only, "/bin/sh", "-c", "echo x > /mnt/out"}).code, 0);
  EXPECT_EQ(run_pagoda({"run", "--bind", read_only + ":rw", "/bin/sh", "-c", "echo out > /mnt/out"}).code, 0);
  EXPECT_EQ(content(scratch.file("out")), "out\n");
  // Nothing leads out of what was bound.
  std::filesystem::create_symlink("../../../../../../../../etc/passwd", scratch.file("link"));
  EXPECT_NE(run_pagoda({"run", "--root", scratch.file("empty"), "--bind", read_only, "--bind", "/bin/busybox:/busybox",
                        "/busybox", "cat", "/mnt/link"})
                .code,
            0);
}

TEST(Run, SeveralCpusRunThreads) {
  const Words sum{"/usr/bin/python3", "-c",
                  "import threading\nr=[0]*4\ndef f(i):\n  r[i]=sum(range(100000))\n"
                  "t=[threading.Thread(target=f,args=(i,)) for i in range(4)]\n"
                  "[x.start() for x in t]\n[x.join() for x in t]\nprint(r)"};
  expect_same(sum, {"--cpus", "2"});
}

} // namespace
} // namespace pagoda::test
