#include "guest/linux/fs/open.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <set>

#include "tests/guest/linux/fs/tree_fixture.hpp"

namespace pagoda::kernel {
namespace {

class Open : public TreeFixture {
protected:
  static std::int64_t put(File &file, const std::string &text) {
    const iovec piece{const_cast<char *>(text.data()), text.size()};
    return file.write({&piece, 1}, std::nullopt);
  }
};

class Names final : public DirectorySink {
public:
  bool entry(std::uint64_t, std::uint64_t next, unsigned char, std::string_view name) override {
    if (all.size() >= limit) return false;
    all.emplace_back(name);
    last = next;
    return true;
  }
  std::vector<std::string> all;
  std::uint64_t last = 0;
  std::size_t limit = 1000;
};

TEST_F(Open, ReadOnlyRootRefusesAsLinuxDoes) {
  mount();
  EXPECT_EQ(open_error("/etc/hosts", O_WRONLY), EROFS);
  EXPECT_EQ(open_error("/etc/hosts", O_RDONLY | O_TRUNC), EROFS);
  EXPECT_EQ(open_error("/etc/new", O_WRONLY | O_CREAT), EROFS);
  EXPECT_EQ(open_error("/etc/hosts", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
  EXPECT_EQ(open_error("/etc/hosts", O_RDONLY | O_CREAT), 0);
  EXPECT_EQ(open_error("/etc", O_WRONLY), EISDIR);
  EXPECT_EQ(open_error("/none/new", O_WRONLY | O_CREAT), ENOENT);
  EXPECT_EQ(open_error("/etc", O_RDONLY | O_TMPFILE | O_RDWR), EROFS);
  EXPECT_EQ(text_of("/etc/hosts"), "inside");
}

TEST_F(Open, PrivateTmpIsEmptyWritableAndSeparate) {
  mount();
  auto file = open_at("/tmp/note", O_RDWR | O_CREAT, 0666);
  ASSERT_TRUE(file);
  EXPECT_EQ(put(**file, "mine"), 4);
  EXPECT_EQ(text_of("/tmp/note"), "mine");
  struct stat st{};
  EXPECT_EQ((*file)->status(st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0644U); // the guest's umask, whatever the host's is
  EXPECT_FALSE(std::filesystem::exists("/tmp/note"));
  EXPECT_EQ(open_error("/dev/shm/note", O_RDONLY), ENOENT);
  EXPECT_EQ(open_error("/dev/shm/other", O_RDWR | O_CREAT), 0);
}

TEST_F(Open, BindsAreReadOnlyUnlessTheySayOtherwise) {
  mount({{base / "data", "/ro", Writable::No}, {base / "data", "/rw", Writable::Yes}});
  EXPECT_EQ(open_error("/ro/file", O_WRONLY), EROFS);
  EXPECT_EQ(open_error("/ro/new", O_WRONLY | O_CREAT), EROFS);
  auto file = open_at("/rw/new", O_WRONLY | O_CREAT);
  ASSERT_TRUE(file);
  EXPECT_EQ(put(**file, "kept"), 4);
  EXPECT_TRUE(std::filesystem::exists(base / "data/new"));
}

TEST_F(Open, CreationFollowsADanglingLinkInsideTheGuest) {
  std::filesystem::create_symlink("/tmp/target", base / "data/dangling");
  std::filesystem::create_symlink(base / "planted", base / "data/evil");
  mount({{base / "data", "/rw", Writable::Yes}});
  EXPECT_EQ(open_error("/rw/dangling", O_WRONLY | O_CREAT), 0);
  EXPECT_EQ(open_error("/tmp/target", O_RDONLY), 0);
  EXPECT_EQ(open_error("/rw/dangling", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
  EXPECT_EQ(open_error("/rw/dangling", O_WRONLY | O_CREAT | O_NOFOLLOW), ELOOP);
  EXPECT_NE(open_error("/rw/evil", O_WRONLY | O_CREAT), 0);
  EXPECT_FALSE(std::filesystem::exists(base / "planted"));
}

TEST_F(Open, FifosOfAReadOnlyMountAreNoWayOut) {
  ASSERT_EQ(::mkfifo((base / "data/pipe").c_str(), 0666), 0);
  mount({{base / "data", "/ro", Writable::No}});
  EXPECT_EQ(open_error("/ro/pipe", O_RDONLY), EACCES);
  EXPECT_EQ(open_error("/ro/pipe", O_WRONLY), EACCES);
}

TEST_F(Open, PlacesAndDirectories) {
  mount();
  EXPECT_EQ(open_error("/etc/hosts", O_RDONLY | O_DIRECTORY), ENOTDIR);
  auto place = open_at("/etc/hosts", O_PATH);
  ASSERT_TRUE(place);
  EXPECT_EQ((*place)->kind(), FileKind::Path);
  EXPECT_FALSE((*place)->readable());
  EXPECT_EQ(read_all(**open_at("/etc", O_RDONLY)), "error " + std::to_string(EISDIR));
}

TEST_F(Open, ListingsResumeWhereTheyStopped) {
  for (int i = 0; i < 50; ++i) write("root/usr/lib/deep/f" + std::to_string(i), "");
  mount();
  auto directory = open_at("/usr/lib/deep", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(directory);
  std::set<std::string> seen;
  for (int round = 0; round < 100; ++round) {
    Names names;
    names.limit = 3;
    ASSERT_EQ((*directory)->list(View{}, names), 0);
    if (names.all.empty()) break;
    for (const auto &name : names.all) EXPECT_TRUE(seen.insert(name).second) << name;
  }
  EXPECT_EQ(seen.size(), 52U); // with . and ..
}

TEST_F(Open, SyntheticDirectoriesShowMountPoints) {
  mount();
  auto dev = open_at("/dev", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(dev);
  Names names;
  ASSERT_EQ((*dev)->list(View{}, names), 0);
  EXPECT_EQ(std::ranges::count(names.all, "shm"), 1);
  EXPECT_EQ(std::ranges::count(names.all, "null"), 1);
}

TEST_F(Open, DevicesAnswerThemselves) {
  mount();
  EXPECT_EQ(text_of("/dev/null"), "");
  EXPECT_EQ(text_of("/dev/zero"), std::string(4096, '\0'));
  auto full = open_at("/dev/full", O_WRONLY);
  ASSERT_TRUE(full);
  EXPECT_EQ(put(**full, "x"), -ENOSPC);
  EXPECT_EQ(open_error("/dev/mem", O_RDONLY), ENOENT);
}

TEST_F(Open, ExecutablesMustBeRegularAndExecutable) {
  write("root/usr/prog", "#!/bin/sh\n");
  std::filesystem::permissions(base / "root/usr/prog", std::filesystem::perms::all);
  link("prog", "usr/prog");
  mount();
  std::string resolved;
  EXPECT_TRUE(mounts->open_executable(nullptr, "/prog", resolved));
  EXPECT_EQ(resolved, "/usr/prog");
  EXPECT_EQ(mounts->open_executable(nullptr, "/etc/hosts", resolved).error(), EACCES);
  EXPECT_EQ(mounts->open_executable(nullptr, "/etc", resolved).error(), EACCES);
  EXPECT_EQ(mounts->open_executable(nullptr, "/none", resolved).error(), ENOENT);
  EXPECT_EQ(mounts->open_executable(nullptr, "/dev/null", resolved).error(), EACCES);
}

TEST_F(Open, StoresOutliveTheirFile) {
  mount();
  auto file = open_at("/etc/hosts", O_RDONLY);
  ASSERT_TRUE(file);
  auto store = (*file)->store();
  file->reset();
  ASSERT_NE(store, nullptr);
  std::array<std::byte, 16> page;
  page.fill(std::byte{0xff});
  EXPECT_EQ(*store->read(0, page), 6U);
  EXPECT_EQ(page[6], std::byte{0});
  EXPECT_EQ(*store->read(4096, page), 0U);
  EXPECT_EQ(store->size(), 6U);
  EXPECT_EQ(store->identity().path, "/etc/hosts");
}

TEST(MountTableOptions, SayWhatIsWrong) {
  MountOptions options;
  options.root = "/nonexistent";
  EXPECT_NE(MountTable::create(options).error().find("/nonexistent"), std::string::npos);
  options.root = "/";
  options.binds = {{"/nonexistent", "/mnt", Writable::No}};
  EXPECT_NE(MountTable::create(options).error().find("/nonexistent"), std::string::npos);
  options.binds = {{"/usr", "mnt", Writable::No}};
  EXPECT_FALSE(MountTable::create(options));
}

} // namespace
} // namespace pagoda::kernel
