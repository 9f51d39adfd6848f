#include "vmm/control/socket_file.hpp"

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/vmm/control/control_fixture.hpp"

namespace pagoda::vmm::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Leaves the socket of a VM that died without tidying up.
void leave_stale(const OwnDirectory &directory, const std::string &name) {
  SocketFile file = *SocketFile::publish(directory.open(), "living");
  file.take_socket().reset();
  std::filesystem::rename(file.path(), directory.path() + "/pagoda/" + name + ".sock");
}

TEST(SocketFile, IsThereAsLongAsItsOwner) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  {
    const SocketFile file = *SocketFile::publish(directory.open(), "web-1");
    EXPECT_EQ(file.id(), "web-1");
    EXPECT_THAT(ids_in(runtime), ElementsAre("web-1"));
    EXPECT_EQ(liveness(runtime, "web-1"), Liveness::Live);
  }
  EXPECT_THAT(ids_in(runtime), IsEmpty());
  EXPECT_EQ(liveness(runtime, "web-1"), Liveness::Gone);
  EXPECT_TRUE(std::filesystem::is_empty(runtime.path)); // no temporary file either
}

TEST(SocketFile, WithoutANameIsCalledByItsProcess) {
  OwnDirectory directory;
  const std::string pid = std::to_string(::getpid());
  const SocketFile first = *SocketFile::publish(directory.open(), "");
  const SocketFile second = *SocketFile::publish(directory.open(), "");
  EXPECT_EQ(first.id(), pid);
  EXPECT_EQ(second.id(), pid + "-2");
}

TEST(SocketFile, ANameIsTakenOnce) {
  OwnDirectory directory;
  const SocketFile first = *SocketFile::publish(directory.open(), "web");
  const auto second = SocketFile::publish(directory.open(), "web");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("\"web\" is running"));
  EXPECT_EQ(liveness(directory.open(), "web"), Liveness::Live);
}

TEST(SocketFile, TakesTheNameOfADeadVm) {
  OwnDirectory directory;
  leave_stale(directory, "web");
  EXPECT_EQ(liveness(directory.open(), "web"), Liveness::Stale);
  const auto file = SocketFile::publish(directory.open(), "web");
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(liveness(directory.open(), "web"), Liveness::Live);
}

TEST(SocketFile, OfTwoThatTakeADeadNameOneWins) {
  for (int round = 0; round < 20; ++round) {
    OwnDirectory directory;
    leave_stale(directory, "web");
    constexpr int kThreads = 4;
    std::atomic<int> won{0}, tried{0};
    std::atomic<bool> go{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        while (!go) std::this_thread::yield();
        const auto file = SocketFile::publish(directory.open(), "web");
        won += file ? 1 : 0;
        ++tried;
        while (tried < kThreads) std::this_thread::yield(); // the winner keeps it until all have tried
      });
    go = true;
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(won, 1);
  }
}

TEST(SocketFile, OnlyStaleOnesAreRemoved) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  const SocketFile living = *SocketFile::publish(directory.open(), "living-too");
  leave_stale(directory, "dead");
  for (const std::string &id : ids_in(runtime)) remove_stale(runtime, id);
  EXPECT_THAT(ids_in(runtime), ElementsAre("living-too"));
}

TEST(SocketFile, LeavesTheFileOfAnother) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  auto first = std::make_unique<SocketFile>(*SocketFile::publish(directory.open(), "web"));
  std::filesystem::remove(first->path());
  const SocketFile second = *SocketFile::publish(directory.open(), "web");
  first.reset();
  EXPECT_THAT(ids_in(runtime), ElementsAre("web"));
}

TEST(SocketFile, TemporaryOnesThatWereLeftBehindGo) {
  OwnDirectory directory;
  const RuntimeDirectory runtime = directory.open();
  leave_stale(directory, "x");
  const std::string fresh = runtime.path + "/.new-1-0", old = runtime.path + "/.new-2-0";
  std::filesystem::rename(runtime.path + "/x.sock", fresh);
  leave_stale(directory, "x");
  std::filesystem::rename(runtime.path + "/x.sock", old);
  const timespec long_ago[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, old.c_str(), long_ago, 0), 0);
  EXPECT_THAT(ids_in(runtime), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(fresh)); // its VM may be about to name it
  EXPECT_FALSE(std::filesystem::exists(old));
}

TEST(SocketFile, LiesInADirectoryOfAnyLength) {
  OwnDirectory directory;
  const std::string deep = directory.path() + "/" + std::string(200, 'd');
  std::filesystem::create_directory(deep);
  auto runtime = open_directory({deep, "pagoda"}, Create::Yes);
  ASSERT_TRUE(runtime) << runtime.error();
  const auto file = SocketFile::publish(std::move(*runtime), "web");
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ(liveness(*open_directory({deep, "pagoda"}, Create::No), "web"), Liveness::Live);
}

TEST(SocketFile, NamesAreWordsThatBeginWithALetter) {
  for (const char *good : {"a", "web-1", "a.b_c", "X"}) EXPECT_EQ(name_fault(good), "");
  for (const char *bad : {"", "1", "-x", ".x", "a/b", "a b", "a\n", "\xc3\xa4"}) EXPECT_NE(name_fault(bad), "") << bad;
  EXPECT_EQ(name_fault(std::string(kLongestName, 'a')), "");
  EXPECT_NE(name_fault(std::string(kLongestName + 1, 'a')), "");
}

TEST(RuntimeDirectory, TheUsersOwnComesFirst) {
  const auto paths = [](const char *runtime, unsigned uid) {
    std::vector<std::string> list;
    for (const auto &choice : directory_choices(runtime, uid)) list.push_back(choice.parent + "/" + choice.name);
    return list;
  };
  EXPECT_THAT(paths("/run/user/1000", 1000), ElementsAre("/run/user/1000/pagoda", "/tmp/pagoda-1000"));
  EXPECT_THAT(paths("/x", 7), ElementsAre("/x/pagoda", "/run/user/7/pagoda", "/tmp/pagoda-7"));
  EXPECT_THAT(paths(nullptr, 0), ElementsAre("/run/user/0/pagoda", "/run/pagoda", "/tmp/pagoda-0"));
  EXPECT_THAT(paths("relative", 7), ElementsAre("/run/user/7/pagoda", "/tmp/pagoda-7"));
}

TEST(RuntimeDirectory, IsMadeForTheUserAlone) {
  OwnDirectory directory;
  EXPECT_FALSE(open_directory({directory.path(), "pagoda"}, Create::No));
  const mode_t mask = ::umask(0);
  EXPECT_TRUE(open_directory({directory.path(), "pagoda"}, Create::Yes));
  ::umask(mask);
  struct stat st{};
  ASSERT_EQ(::stat((directory.path() + "/pagoda").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode, mode_t(S_IFDIR | 0700));
}

TEST(RuntimeDirectory, RefusesWhatOthersCouldUse) {
  OwnDirectory directory;
  namespace fs = std::filesystem;
  const auto error = [&](const std::string &name) {
    const auto opened = open_directory({directory.path(), name}, Create::Yes);
    return opened ? std::string("opened") : opened.error();
  };
  fs::create_directory(directory.path() + "/open");
  fs::permissions(directory.path() + "/open", fs::perms(0755));
  EXPECT_THAT(error("open"), HasSubstr("0700"));
  fs::create_directory_symlink(directory.path(), directory.path() + "/link");
  EXPECT_THAT(error("link"), testing::AnyOf(HasSubstr("Not a directory"), HasSubstr("symbolic link")));
  std::ofstream(directory.path() + "/file") << "x";
  EXPECT_THAT(error("file"), HasSubstr("Not a directory"));
  fs::permissions(directory.path(), fs::perms(0777));
  EXPECT_THAT(error("pagoda"), HasSubstr("replace"));
}

} // namespace
} // namespace pagoda::vmm::control
