#include "guest/linux/fs/synthetic.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace pagoda::kernel {
namespace {

TEST(SyntheticTree, FilesLinksAndKnobs) {
  SyntheticTree tree("/t", 1, 2);
  std::string stored;
  tree.file("a/b/file", [](const View &) -> Content { return "text"; });
  tree.knob(
      "a/knob", [&](const View &) -> Content { return stored; },
      [&](const View &, std::string_view text) {
        stored = text;
        return 0;
      });
  tree.link("here", "a/b");
  View view;
  const SyntheticNode *a = tree.child(tree.root(), "a", view);
  ASSERT_NE(a, nullptr);
  const SyntheticNode *b = tree.child(*a, "b", view);
  const SyntheticNode *file = tree.child(*b, "file", view);
  EXPECT_EQ(*file->generate(view), "text");
  EXPECT_EQ(tree.child(*a, "none", view), nullptr);
  const SyntheticNode *knob = tree.child(*a, "knob", view);
  EXPECT_EQ(knob->store(view, "7"), 0);
  EXPECT_EQ(*knob->generate(view), "7");
  EXPECT_EQ(*tree.child(tree.root(), "here", view)->generate(view), "a/b");
  EXPECT_EQ(tree.members(*a, view).size(), 2U);
}

TEST(SyntheticTree, StatusTellsKindsAndInodesApart) {
  SyntheticTree tree("/t", 77, 2);
  tree.file("file", [](const View &) -> Content { return ""; }, 0400);
  tree.link("link", "file");
  tree.device("null", Device::Null, 0666, 1, 3);
  View view;
  struct stat root{}, file{}, link{}, device{};
  tree.status(tree.root(), view, root);
  tree.status(*tree.child(tree.root(), "file", view), view, file);
  tree.status(*tree.child(tree.root(), "link", view), view, link);
  tree.status(*tree.child(tree.root(), "null", view), view, device);
  EXPECT_TRUE(S_ISDIR(root.st_mode));
  EXPECT_EQ(file.st_mode, mode_t(S_IFREG | 0400));
  EXPECT_TRUE(S_ISLNK(link.st_mode));
  EXPECT_TRUE(S_ISCHR(device.st_mode));
  EXPECT_EQ(device.st_rdev, 0x103U);
  EXPECT_NE(file.st_ino, link.st_ino);
  EXPECT_EQ(file.st_dev, 77U);
}

TEST(SyntheticTree, DynamicNamesNeedAKernel) {
  SyntheticTree tree("/proc", 1, 2);
  tree.file("{pid}/stat", [](const View &) -> Content { return ""; });
  View view;
  EXPECT_EQ(tree.child(tree.root(), "1", view), nullptr);
  EXPECT_TRUE(tree.members(tree.root(), view).empty());
}

} // namespace
} // namespace pagoda::kernel
