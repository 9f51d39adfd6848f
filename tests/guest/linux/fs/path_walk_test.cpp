#include "guest/linux/fs/path_walk.hpp"

#include <cerrno>
#include <fcntl.h>

#include "tests/guest/linux/fs/tree_fixture.hpp"

namespace pagoda::kernel {
namespace {

class PathWalk : public TreeFixture {};

TEST_F(PathWalk, PlainPathsAreCanonical) {
  mount();
  EXPECT_EQ(walk_to("/etc/hosts")->path, "/etc/hosts");
  EXPECT_EQ(walk_to("//etc/./hosts")->path, "/etc/hosts");
  EXPECT_EQ(walk_to("/usr/lib/../lib/libc")->path, "/usr/lib/libc");
  EXPECT_EQ(walk_to("/")->path, "/");
  EXPECT_EQ(walk_error("/etc/none"), ENOENT);
  EXPECT_EQ(walk_error("/etc/hosts/x"), ENOTDIR);
  EXPECT_EQ(walk_error("/etc/hosts/"), ENOTDIR);
  EXPECT_EQ(walk_error("/none/.."), ENOENT);
  EXPECT_EQ(walk_error("/etc/hosts/.."), ENOTDIR);
}

TEST_F(PathWalk, DotDotStopsAtTheGuestRoot) {
  mount();
  EXPECT_EQ(walk_to("/../../../..")->path, "/");
  EXPECT_EQ(text_of("/../../etc/hosts"), "inside");
  EXPECT_EQ(walk_error("/../outside"), ENOENT);
  EXPECT_EQ(walk_error("/etc/../../outside"), ENOENT);
  EXPECT_EQ(walk_error(base / "outside"), ENOENT);
}

TEST_F(PathWalk, AbsoluteLinksStartAtTheGuestRoot) {
  link("abs", "/etc/hosts");
  link("out", base / "outside");
  link("lib", "usr/lib");
  mount();
  EXPECT_EQ(text_of("/abs"), "inside");
  EXPECT_EQ(walk_to("/lib/libc")->path, "/usr/lib/libc");
  EXPECT_EQ(walk_error("/out"), ENOENT);
}

TEST_F(PathWalk, RelativeLinksCannotClimbOut) {
  link("up", "../outside");
  link("etc/up", "../../../../../../outside");
  link("usr/lib/deep/up", "../../../../outside");
  link("root2", "../root");
  mount();
  EXPECT_EQ(walk_error("/up"), ENOENT);
  EXPECT_EQ(walk_error("/etc/up"), ENOENT);
  EXPECT_EQ(walk_error("/usr/lib/deep/up"), ENOENT);
  EXPECT_EQ(walk_error("/root2"), ENOENT); // "/root" of the guest, which it does not have
}

TEST_F(PathWalk, LinkChainsAreBounded) {
  link("a0", "etc/hosts");
  for (int i = 1; i <= 45; ++i) link("a" + std::to_string(i), "a" + std::to_string(i - 1));
  link("loop1", "loop2");
  link("loop2", "loop1");
  link("self", "self/x");
  mount();
  EXPECT_EQ(text_of("/a39"), "inside"); // 40 links
  EXPECT_EQ(walk_error("/a40"), ELOOP);
  EXPECT_EQ(walk_error("/loop1"), ELOOP);
  EXPECT_EQ(walk_error("/self"), ELOOP);
}

TEST_F(PathWalk, LinksThroughDirectoriesThenDotDot) {
  link("etc/lib", "/usr/lib");
  mount();
  // `..` after a link is the parent of where it led, not of where it stands.
  EXPECT_EQ(walk_to("/etc/lib/..")->path, "/usr");
  EXPECT_EQ(text_of("/etc/lib/../../etc/hosts"), "inside");
}

TEST_F(PathWalk, LastLinkIsKeptWhenAsked) {
  link("abs", "/etc/hosts");
  link("dir", "/etc");
  mount();
  auto at = walk_to("/abs", Follow::No);
  ASSERT_TRUE(at);
  EXPECT_TRUE(S_ISLNK(at->st.st_mode));
  EXPECT_EQ(*link_text(*at), "/etc/hosts");
  EXPECT_EQ(walk_to("/dir/", Follow::No)->path, "/etc"); // a trailing slash follows
}

TEST_F(PathWalk, BindsAreEnteredAndLeftInGuestTerms) {
  mount({{base / "data", "/usr/data", Writable::Yes}, {base / "data/file", "/etc/one", Writable::No}});
  EXPECT_EQ(text_of("/usr/data/file"), "bound");
  EXPECT_EQ(text_of("/etc/one"), "bound");
  EXPECT_EQ(walk_error("/etc/one/x"), ENOTDIR);
  EXPECT_EQ(walk_to("/usr/data/..")->path, "/usr");
  EXPECT_EQ(walk_to("/usr/data/sub/../..")->path, "/usr");
  EXPECT_EQ(text_of("/usr/data/../lib/libc"), "library");
  EXPECT_EQ(walk_error("/usr/data/../../outside"), ENOENT);
}

TEST_F(PathWalk, LinksInsideABindStayInTheGuest) {
  std::filesystem::create_symlink("../outside", base / "data/up");
  std::filesystem::create_symlink("/etc/hosts", base / "data/abs");
  mount({{base / "data", "/mnt", Writable::Yes}});
  EXPECT_EQ(walk_error("/mnt/up"), ENOENT);
  EXPECT_EQ(text_of("/mnt/abs"), "inside");
}

TEST_F(PathWalk, BindCoversWhatIsThere) {
  mount({{base / "data", "/etc", Writable::No}});
  EXPECT_EQ(text_of("/etc/file"), "bound");
  EXPECT_EQ(walk_error("/etc/hosts"), ENOENT);
}

TEST_F(PathWalk, BindDestinationsFollowLinksAndMayBeMissing) {
  link("var", "usr/lib");
  mount({{base / "data", "/var/spool", Writable::No}, {base / "data", "/a/b/c", Writable::No}});
  EXPECT_EQ(text_of("/usr/lib/spool/file"), "bound");
  EXPECT_EQ(text_of("/var/spool/file"), "bound");
  EXPECT_EQ(text_of("/a/b/c/file"), "bound");
  EXPECT_EQ(walk_to("/a/b/c/..")->path, "/a/b");
  EXPECT_TRUE(walk_to("/a")->is_directory());
}

TEST_F(PathWalk, HostProcIsMaskedWhereverItIsBound) {
  mount({{"/", "/host", Writable::No}});
  EXPECT_EQ(walk_error("/host/proc/self/root/etc"), EACCES);
  EXPECT_EQ(walk_error("/host/proc/1/root"), EACCES);
  EXPECT_EQ(walk_error("/host/sys/kernel"), EACCES);
  EXPECT_EQ(open_error("/host/dev/null", O_RDWR), EACCES);
}

TEST_F(PathWalk, ProcOfTheGuestLeadsNowhereElse) {
  link("escape", "/proc/self/root/../outside");
  mount();
  EXPECT_EQ(walk_error("/proc/self/root/etc"), ENOENT); // no processes without a kernel
  EXPECT_EQ(walk_error("/escape"), ENOENT);
  EXPECT_EQ(walk_error("/proc/1/root"), ENOENT);
}

TEST_F(PathWalk, HostileLengths) {
  mount();
  EXPECT_EQ(walk_error("/" + std::string(300, 'x')), ENAMETOOLONG);
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "/..";
  EXPECT_EQ(walk_to(deep)->path, "/");
  EXPECT_EQ(join_path("/", std::string(kPathMax, 'a')).error(), ENAMETOOLONG);
  EXPECT_EQ(join_path("/", "").error(), ENOENT);
}

TEST_F(PathWalk, ParentsAreFoundForNamesToBeMade) {
  mount();
  auto parent = walk_parent(*mounts, View{}, "/tmp/new");
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->path(), "/tmp/new");
  EXPECT_TRUE(parent->directory.writable());
  EXPECT_FALSE(walk_parent(*mounts, View{}, "/tmp/..")->normal());
  EXPECT_FALSE(walk_parent(*mounts, View{}, "/")->normal());
  EXPECT_TRUE(walk_parent(*mounts, View{}, "/tmp/new//")->trailing_slash);
}

} // namespace
} // namespace pagoda::kernel
