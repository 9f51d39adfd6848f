// A runtime directory of a test's own, and a raw client: bytes in, bytes out, no manners.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "vmm/control/runtime_directory.hpp"
#include "vmm/control/socket_file.hpp"

namespace pagoda::vmm::control {

class OwnDirectory {
public:
  OwnDirectory() : path_(testing::TempDir() + "pagoda-control-XXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~OwnDirectory() { std::filesystem::remove_all(path_); }
  OwnDirectory(const OwnDirectory &) = delete;
  OwnDirectory &operator=(const OwnDirectory &) = delete;
  [[nodiscard]] const std::string &path() const { return path_; }
  [[nodiscard]] RuntimeDirectory open() const {
    auto directory = open_directory({path_, "pagoda"}, Create::Yes);
    EXPECT_TRUE(directory) << directory.error();
    return std::move(*directory);
  }

private:
  std::string path_;
};

class RawClient {
public:
  explicit RawClient(Fd socket) : socket_(std::move(socket)) { EXPECT_TRUE(socket_); }
  // What the other side took; less than all once it has hung up or does not read.
  std::size_t send(std::string_view bytes, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    std::size_t sent = 0;
    while (sent < bytes.size() && ready(POLLOUT, limit)) {
      const ssize_t n = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0)
        sent += std::size_t(n);
      else if (errno != EAGAIN)
        break;
    }
    return sent;
  }
  // All lines until `count` came or the other side hung up.
  std::string receive(std::size_t count, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    std::string text;
    while (std::size_t(std::ranges::count(text, '\n')) < count && ready(POLLIN, limit)) {
      char piece[65536];
      const ssize_t n = ::recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
      if (n <= 0) break;
      text.append(piece, std::size_t(n));
    }
    return text;
  }
  // Whether the other side hangs up within the limit; what still comes is thrown away.
  bool hung_up(std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    char piece[65536];
    while (ready(POLLIN, limit)) {
      const ssize_t n = ::recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
    }
    return false;
  }
  void end_writing() { ::shutdown(socket_.get(), SHUT_WR); }
  bool ready(short events, std::chrono::milliseconds limit) {
    pollfd poll{socket_.get(), events, 0};
    return ::poll(&poll, 1, int(limit.count())) == 1;
  }

private:
  Fd socket_;
};

} // namespace pagoda::vmm::control
