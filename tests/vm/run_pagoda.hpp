// Runs the `pagoda` command, or a command natively, as a child with a time limit, and collects what
// it wrote. A VM test compares the two.
#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagoda::test {

struct Finished {
  std::string out, err;
  int code = -1;          // 128 + signal when a signal ended it
  bool timed_out = false; // it was killed by us
};

inline std::string in_build(const std::string &name) { return std::string(PAGODA_BUILD_DIR) + "/" + name; }
inline std::string guest_program(const std::string &name) { return in_build("guests/" + name); }

using Words = std::vector<std::string>;

namespace detail {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) == 0) {
      read = ends[0];
      write = ends[1];
    }
  }
  ~Pipe() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
  Pipe(const Pipe &) = delete;
  Pipe &operator=(const Pipe &) = delete;
};

inline void close_end(int &fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Feeds stdin and drains both outputs until they are closed or time is up; false on time-out.
inline bool transfer(int &in, std::string_view input, int &out, std::string &out_text, int &err, std::string &err_text,
                     std::chrono::steady_clock::time_point deadline) {
  while (out >= 0 || err >= 0) {
    if (in >= 0 && input.empty()) close_end(in);
    std::array<pollfd, 3> fds{{{in, POLLOUT, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0 || (::poll(fds.data(), fds.size(), int(left)) == 0)) return false;
    if (in >= 0 && fds[0].revents != 0) {
      const ssize_t put = ::write(in, input.data(), std::min<std::size_t>(input.size(), 4096));
      if (put > 0)
        input.remove_prefix(std::size_t(put));
      else
        close_end(in);
    }
    const auto drain = [](int &fd, std::string &text) {
      char buffer[65536];
      const ssize_t got = ::read(fd, buffer, sizeof buffer);
      if (got > 0)
        text.append(buffer, std::size_t(got));
      else
        close_end(fd);
    };
    if (out >= 0 && fds[1].revents != 0) drain(out, out_text);
    if (err >= 0 && fds[2].revents != 0) drain(err, err_text);
  }
  return true;
}

inline int wait_for(pid_t child, std::chrono::steady_clock::time_point deadline, bool &timed_out) {
  int status = 0;
  while (true) {
    const pid_t got = ::waitpid(child, &status, timed_out ? 0 : WNOHANG);
    if (got == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got < 0 && errno != EINTR) return -1;
    if (got == 0 && std::chrono::steady_clock::now() >= deadline) {
      timed_out = true;
      ::kill(child, SIGKILL);
    }
    ::usleep(1000);
  }
}

} // namespace detail

struct RunSettings {
  std::string input;
  std::chrono::seconds limit{60};
  std::string directory = "/";
};

inline Finished run_native(const Words &words, const RunSettings &settings = {}) {
  Finished result;
  ::signal(SIGPIPE, SIG_IGN);
  detail::Pipe in, out, err;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.read, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.write, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err.write, 2);
  ::posix_spawn_file_actions_addchdir_np(&actions, settings.directory.c_str());
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  std::vector<char *> argv;
  for (const std::string &word : words) argv.push_back(const_cast<char *>(word.c_str()));
  argv.push_back(nullptr);
  // The same bytes on both sides, whatever the developer's own locale and PATH are.
  std::array<const char *, 5> environment{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root", "LC_ALL=C", "LANG=C",
                                          nullptr};
  pid_t child = -1;
  const int error =
      ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), const_cast<char **>(environment.data()));
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    ADD_FAILURE() << "cannot start " << words.front() << ": " << std::strerror(error);
    return result;
  }
  detail::close_end(in.read);
  detail::close_end(out.write);
  detail::close_end(err.write);
  const auto deadline = std::chrono::steady_clock::now() + settings.limit;
  if (!detail::transfer(in.write, settings.input, out.read, result.out, err.read, result.err, deadline)) {
    result.timed_out = true;
    ::kill(child, SIGKILL);
  }
  result.code = detail::wait_for(child, deadline, result.timed_out);
  EXPECT_FALSE(result.timed_out) << words.front() << " did not end within " << settings.limit.count() << " s; stderr:\n"
                                 << result.err;
  return result;
}

// `pagoda` with these words, as typed.
inline Finished run_pagoda(Words words, const RunSettings &settings = {}) {
  words.insert(words.begin(), in_build("pagoda"));
  return run_native(words, settings);
}

// The same command natively and under `pagoda run OPTIONS`, expected to agree in output and exit code.
inline void expect_same(const Words &command, const Words &options = {}, const RunSettings &settings = {}) {
  const Finished native = run_native(command, settings);
  Words words{"run"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), command.begin(), command.end());
  const Finished guest = run_pagoda(words, settings);
  EXPECT_EQ(guest.out, native.out) << "stderr of the guest:\n" << guest.err;
  EXPECT_EQ(guest.code, native.code) << "stderr of the guest:\n" << guest.err;
}

// A directory of a test's own, empty, on a path that a guest sees too (its /tmp is private).
class Scratch {
public:
  Scratch() {
    const auto *test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = in_build("scratch/" + std::string(test->test_suite_name()) + "." + test->name());
    clear();
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  void clear() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  [[nodiscard]] const std::string &path() const { return path_; }
  [[nodiscard]] std::string file(const std::string &name) const { return path_ + "/" + name; }
  // What `pagoda run` needs to write there.
  [[nodiscard]] Words bind() const { return {"--bind", path_ + ":" + path_ + ":rw", "--workdir", path_}; }

private:
  std::string path_;
};

} // namespace pagoda::test
