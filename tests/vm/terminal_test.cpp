// Guests on a terminal: its size, its line discipline, Ctrl-C and Ctrl-D, and what is left of it after.
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

// A child on a pseudo-terminal of its own.
class Terminal {
public:
  explicit Terminal(const Words &words) {
    winsize size{.ws_row = 31, .ws_col = 97, .ws_xpixel = 0, .ws_ypixel = 0};
    std::vector<char *> argv;
    for (const std::string &word : words) argv.push_back(const_cast<char *>(word.c_str()));
    argv.push_back(nullptr);
    child_ = ::forkpty(&fd_, nullptr, nullptr, &size);
    if (child_ == 0) {
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Terminal() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    if (fd_ >= 0) ::close(fd_);
  }
  Terminal(const Terminal &) = delete;
  Terminal &operator=(const Terminal &) = delete;

  void type(std::string_view text) { ASSERT_EQ(::write(fd_, text.data(), text.size()), ssize_t(text.size())); }
  // Reads until `text` has come; what came before it and with it, or nothing within the limit.
  [[nodiscard]] bool shows(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen_.find(text, from_) == std::string::npos) {
      pollfd ready{fd_, POLLIN, 0};
      if (std::chrono::steady_clock::now() > deadline || ::poll(&ready, 1, 1000) < 0) return false;
      char buffer[4096];
      const ssize_t got = ready.revents != 0 ? ::read(fd_, buffer, sizeof buffer) : 0;
      if (got < 0) return false; // the child's side is closed
      seen_.append(buffer, std::size_t(got));
    }
    from_ = seen_.find(text, from_) + text.size();
    return true;
  }
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, id_t(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child_;
  }
  [[nodiscard]] int exit_code() {
    bool late = false;
    const int code =
        detail::wait_for(std::exchange(child_, -1), std::chrono::steady_clock::now() + std::chrono::seconds(20), late);
    return late ? -1 : code;
  }
  [[nodiscard]] termios settings() const {
    termios now{};
    EXPECT_EQ(::tcgetattr(fd_, &now), 0);
    return now;
  }
  [[nodiscard]] const std::string &seen() const { return seen_; }

private:
  pid_t child_ = -1;
  int fd_ = -1;
  std::string seen_;
  std::size_t from_ = 0;
};

TEST(TerminalRun, AShellHasItsSizeItsSignalsAndItsEnd) {
  Terminal terminal({in_build("pagoda"), "run", "--env", "PS1=ready> ", "/bin/busybox", "sh"});
  ASSERT_TRUE(terminal.shows("ready> ")) << terminal.seen();
  terminal.type("stty size; test -t 0 && echo on a terminal\n");
  EXPECT_TRUE(terminal.shows("31 97")) << terminal.seen();
  EXPECT_TRUE(terminal.shows("\non a terminal")) << terminal.seen();
  // It speaks when it has the terminal; earlier, the shell itself would take the key.
  terminal.type("/bin/sh -c 'echo asleep; exec sleep 100'\n");
  ASSERT_TRUE(terminal.shows("\nasleep")) << terminal.seen();
  terminal.type("\x03");
  terminal.type("echo ended with $?\n");
  EXPECT_TRUE(terminal.shows("ended with 130")) << terminal.seen();
  terminal.type("echo go; cat\n");
  EXPECT_TRUE(terminal.shows("\ngo")) << terminal.seen();
  terminal.type("a line\n");
  EXPECT_TRUE(terminal.shows("a line\r\na line")) << terminal.seen();
  terminal.type("\x04");
  terminal.type("exit 7\n");
  EXPECT_EQ(terminal.exit_code(), 7) << terminal.seen();
}

TEST(TerminalRun, CtrlCTwiceEndsAGuestThatIgnoresIt) {
  Terminal terminal(
      {in_build("pagoda"), "run", "/bin/busybox", "sh", "-c", "trap '' INT; echo ready; while :; do :; done"});
  ASSERT_TRUE(terminal.shows("ready")) << terminal.seen();
  // Keys that nobody has looked at yet are one signal; so some person keeps pressing.
  for (int key = 0; key < 100 && !terminal.ended(); ++key) {
    terminal.type("\x03");
    ::usleep(100'000);
  }
  EXPECT_EQ(terminal.exit_code(), 128 + SIGINT) << terminal.seen();
}

TEST(TerminalRun, WhatAGuestDoesToTheTerminalEndsWithIt) {
  Terminal terminal({in_build("pagoda"), "run", "/bin/busybox", "sh", "-c", "stty raw -echo; echo changed; sleep 1"});
  const tcflag_t before = terminal.settings().c_lflag;
  ASSERT_TRUE(terminal.shows("changed")) << terminal.seen();
  EXPECT_NE(terminal.settings().c_lflag, before);
  EXPECT_EQ(terminal.exit_code(), 0);
  EXPECT_EQ(terminal.settings().c_lflag, before);
}

} // namespace
} // namespace pagoda::test
