#include "guest/linux/fs/socket_source.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace pagoda::kernel {
namespace {

sockaddr_in address(const char *text, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  ::inet_pton(AF_INET, text, &in.sin_addr);
  return in;
}

TEST(SocketSource, LoopbackWorksAndNothingElseIsReached) {
  SocketSource source;
  UniqueFd server(source.create(false, AF_INET, SOCK_STREAM, 0));
  ASSERT_TRUE(server.valid());
  sockaddr_in local = address("127.0.0.1", 0);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr *>(&local), sizeof local), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  socklen_t size = sizeof local;
  ::getsockname(server.get(), reinterpret_cast<sockaddr *>(&local), &size);

  UniqueFd client(source.create(false, AF_INET, SOCK_STREAM, 0));
  ASSERT_TRUE(::connect(client.get(), reinterpret_cast<sockaddr *>(&local), sizeof local) == 0 || errno == EINPROGRESS);
  pollfd poll{server.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 2000), 1);

  // The host's own network does not have that listener.
  UniqueFd outside(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_NE(::connect(outside.get(), reinterpret_cast<sockaddr *>(&local), sizeof local), 0);
  // And there is no way out.
  UniqueFd leaving(source.create(false, AF_INET, SOCK_DGRAM, 0));
  sockaddr_in far = address("192.0.2.1", 9);
  EXPECT_NE(::connect(leaving.get(), reinterpret_cast<sockaddr *>(&far), sizeof far), 0);
  EXPECT_EQ(errno, ENETUNREACH);
}

TEST(SocketSource, PairsAreConnectedAndCannotReachAbstractNamesOfTheHost) {
  SocketSource source;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "pagoda-test-" + std::to_string(::getpid());
  text.copy(name.sun_path + 1, text.size());
  auto size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  UniqueFd of_host(::socket(AF_UNIX, SOCK_DGRAM, 0));
  ASSERT_EQ(::bind(of_host.get(), reinterpret_cast<sockaddr *>(&name), size), 0);

  std::array<int, 2> fds{-1, -1};
  ASSERT_EQ(source.create_pair(false, SOCK_DGRAM, 0, fds), 0);
  UniqueFd first(fds[0]), second(fds[1]);
  EXPECT_EQ(::send(first.get(), "x", 1, 0), 1);
  char byte = 0;
  EXPECT_EQ(::recv(second.get(), &byte, 1, 0), 1);
  EXPECT_EQ(::sendto(first.get(), "x", 1, 0, reinterpret_cast<sockaddr *>(&name), size), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
}

TEST(SocketSource, BadOrdersAreAnsweredNotFatal) {
  SocketSource source;
  EXPECT_LT(source.create(false, 9999, SOCK_STREAM, 0), 0);
  EXPECT_LT(source.create(false, AF_INET, 77, 0), 0);
  UniqueFd fine(source.create(false, AF_INET6, SOCK_STREAM, 0));
  EXPECT_TRUE(fine.valid());
}

} // namespace
} // namespace pagoda::kernel
