#include "vmm/control/server.hpp"

#include <algorithm>
#include <fstream>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/vmm/control/control_fixture.hpp"
#include "vmm/control/client.hpp"

namespace pagoda::vmm::control {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::string_view kEcho = "{\"v\":1,\"id\":1,\"ask\":\"echo\"}\n";

Handlers table() {
  return {{"echo", "", [](const Json &with) -> Answer { return with; }},
          {"big", "", [](const Json &) -> Answer { return std::string(20'000, 'b'); }}};
}

std::size_t resident_bytes() {
  std::size_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * std::size_t(::sysconf(_SC_PAGESIZE));
}

class ControlServer : public testing::Test {
protected:
  explicit ControlServer(Limits limits = {})
      : file_(*SocketFile::publish(directory_.open(), "vm")), server_(file_.take_socket(), table, limits) {}
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  RawClient raw() { return RawClient(connect_to(runtime_, "vm")); }
  void expect_serving() {
    auto client = Client::connect(runtime_, "vm", milliseconds(5000));
    ASSERT_TRUE(client);
    EXPECT_EQ((*client->ask("echo", {{"a", 1}}))["a"], 1);
  }

  OwnDirectory directory_;
  RuntimeDirectory runtime_ = directory_.open();
  SocketFile file_;
  Server server_;
};

TEST_F(ControlServer, AnswersAClient) {
  auto client = Client::connect(runtime_, "vm", milliseconds(5000));
  ASSERT_TRUE(client);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(*client->ask("echo", {{"i", i}}), Json({{"i", i}}));
  const auto refused = client->ask("nothing");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().problem, Client::Problem::Refused);
  EXPECT_THAT(refused.error().refusal.hint, HasSubstr("help"));
  EXPECT_EQ(client->ask("big")->get<std::string>().size(), 20'000u);
}

TEST_F(ControlServer, LinesComeInAnyPieces) {
  RawClient client = raw();
  std::string three;
  for (int i = 0; i < 3; ++i) three += kEcho;
  client.send(three.substr(0, 10));
  client.send(three.substr(10));
  const std::string answers = client.receive(3);
  EXPECT_EQ(std::ranges::count(answers, '\n'), 3);
}

TEST_F(ControlServer, AnswersAfterRubbish) {
  RawClient client = raw();
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(client.receive(1), HasSubstr("not a JSON object"));
  client.send(std::string("\0\xff\xfe{]\n", 6));
  EXPECT_THAT(client.receive(1), HasSubstr("\"ok\":false"));
  client.send(kEcho);
  EXPECT_THAT(client.receive(1), HasSubstr("\"ok\":true"));
}

TEST_F(ControlServer, AnswersWhoHasEndedWriting) {
  RawClient client = raw();
  client.send(std::string(kEcho) + std::string(kEcho) + "{\"half");
  client.end_writing();
  EXPECT_EQ(std::ranges::count(client.receive(3), '\n'), 2);
  EXPECT_TRUE(client.hung_up());
}

TEST_F(ControlServer, AHundredMegabytesWithoutANewlineCostNothing) {
  RawClient client = raw();
  const std::string piece(1 << 20, '[');
  const std::size_t before = resident_bytes();
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const std::size_t sent = client.send(piece);
    taken += sent;
    if (sent < piece.size()) break;
  }
  EXPECT_LT(taken, 4u << 20); // it hung up long before
  EXPECT_TRUE(client.hung_up());
  EXPECT_LT(resident_bytes(), before + (8u << 20));
  expect_serving();
}

TEST_F(ControlServer, SaysThatALineIsTooLong) {
  RawClient client = raw();
  client.send(std::string(kLongestLine + 1, ' '));
  EXPECT_THAT(client.receive(1), HasSubstr("too long"));
  EXPECT_TRUE(client.hung_up());
}

TEST_F(ControlServer, AHundredMegabytesOfRequestsAreAnsweredOneByOne) {
  RawClient client = raw();
  std::string piece;
  while (piece.size() < (1 << 20)) piece += "x\n";
  const std::size_t before = resident_bytes();
  // Without reading a single answer: at some point it takes no more.
  std::size_t taken = 0;
  while (taken < (100u << 20)) {
    const std::size_t sent = client.send(piece, milliseconds(100));
    taken += sent;
    if (sent < piece.size()) break;
  }
  EXPECT_LT(taken, 8u << 20);
  EXPECT_LT(resident_bytes(), before + (32u << 20)); // a sanitizer keeps what was freed for a while
  expect_serving();
}

TEST_F(ControlServer, StopsWithClientsConnected) {
  RawClient silent = raw(), busy = raw(), half = raw();
  half.send("{\"v\":1,");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += kEcho;
  busy.send(many, milliseconds(50));
  server_.stop();
  EXPECT_FALSE(server_.running());
  EXPECT_TRUE(silent.hung_up());
  EXPECT_TRUE(half.hung_up());
  EXPECT_EQ(liveness(runtime_, "vm"), Liveness::Stale);
}

TEST_F(ControlServer, IsTheUsersAlone) {
  struct stat st{};
  ASSERT_EQ(::stat(file_.path().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, mode_t(S_IFSOCK | 0600));
  ASSERT_EQ(::stat(runtime_.path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, mode_t(S_IFDIR | 0700));
}

class ImpatientServer : public ControlServer {
protected:
  ImpatientServer()
      : ControlServer({.clients = 3, .unread = 50'000, .idle = milliseconds(60), .stalled = milliseconds(60)}) {}
};

TEST_F(ImpatientServer, DropsAClientThatNeverReads) {
  RawClient client = raw();
  std::string many;
  for (int i = 0; i < 200; ++i) many += "{\"v\":1,\"ask\":\"big\"}\n";
  client.send(many, milliseconds(100)); // 4 MB of answers
  ::usleep(200'000);                    // longer than it may take nothing
  // What went into the socket's own buffer is still there, then it ends.
  EXPECT_LT(client.receive(1000).size(), 1u << 20);
  EXPECT_TRUE(client.hung_up());
  expect_serving();
}

TEST_F(ImpatientServer, DropsAClientThatSaysNothingWhole) {
  RawClient silent = raw(), half = raw();
  for (int i = 0; i < 6; ++i) {
    half.send("{"); // still alive, still nothing
    ::usleep(20'000);
  }
  EXPECT_TRUE(silent.hung_up());
  EXPECT_TRUE(half.hung_up());
}

TEST_F(ImpatientServer, TurnsAwayMoreClientsThanItServes) {
  std::vector<RawClient> served;
  for (int i = 0; i < 3; ++i) {
    served.push_back(raw());
    served.back().send(kEcho);
    EXPECT_THAT(served.back().receive(1), HasSubstr("\"ok\":true"));
  }
  RawClient fourth = raw();
  EXPECT_THAT(fourth.receive(1), HasSubstr("too many clients"));
  EXPECT_TRUE(fourth.hung_up());
  for (RawClient &client : served) EXPECT_TRUE(client.hung_up()); // idle
  expect_serving();
}

// A run that nobody asks has no control thread.
TEST(ControlServerThread, BeginsWithTheFirstClient) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  SocketFile file = *SocketFile::publish(directory.open(), "");
  boost::asio::io_context io;
  Server server(file.take_socket(), table);
  ASSERT_TRUE(server.watch(io));
  EXPECT_EQ(io.poll(), 0u);
  EXPECT_FALSE(server.running());
  RawClient client(connect_to(runtime, file.id()));
  client.send(kEcho);
  EXPECT_EQ(io.run_one(), 1u);
  EXPECT_TRUE(server.running());
  EXPECT_THAT(client.receive(1), HasSubstr("\"ok\":true"));
}

TEST(ControlServerThread, MayNeverBegin) {
  OwnDirectory directory;
  SocketFile file = *SocketFile::publish(directory.open(), "");
  boost::asio::io_context io;
  Server server(file.take_socket(), table);
  ASSERT_TRUE(server.watch(io));
  server.stop();
  EXPECT_EQ(liveness(directory.open(), file.id()), Liveness::Stale);
  io.poll();
  EXPECT_FALSE(server.running());
}

TEST(ControlClient, GivesUpOnAVmThatDoesNotAnswer) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  const SocketFile file = *SocketFile::publish(directory.open(), "stopped"); // nobody accepts
  auto client = Client::connect(runtime, "stopped", milliseconds(50));
  ASSERT_TRUE(client);
  const auto answer = client->ask("vm");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().problem, Client::Problem::Silent);
}

TEST(ControlClient, TellsADeadVmFromNone) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  SocketFile file = *SocketFile::publish(directory.open(), "dead");
  file.take_socket().reset();
  EXPECT_EQ(Client::connect(runtime, "dead", milliseconds(50)).error().problem, Client::Problem::Stale);
  EXPECT_EQ(Client::connect(runtime, "never", milliseconds(50)).error().problem, Client::Problem::Gone);
}

} // namespace
} // namespace pagoda::vmm::control
