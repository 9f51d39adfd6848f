// A host directory to be a guest's root, and a mount table over it, without a VM.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "guest/linux/fs/open.hpp"
#include "guest/linux/fs/path_walk.hpp"

namespace pagoda::kernel {

class TreeFixture : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = "/tmp/pagoda-tree-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base = name;
    std::filesystem::create_directories(base / "root/etc");
    std::filesystem::create_directories(base / "root/usr/lib/deep");
    std::filesystem::create_directories(base / "data/sub");
    write("root/etc/hosts", "inside");
    write("root/usr/lib/libc", "library");
    write("outside", "secret");
    write("data/file", "bound");
  }
  void TearDown() override {
    mounts.reset();
    std::filesystem::remove_all(base);
  }

  void write(const std::string &path, const std::string &text) { std::ofstream(base / path) << text; }
  void link(const std::string &path, const std::string &target) {
    std::filesystem::create_symlink(target, base / "root" / path);
  }
  void mount(std::vector<MountOptions::Bind> binds = {}) {
    MountOptions options;
    options.root = base / "root";
    options.binds = std::move(binds);
    auto made = MountTable::create(options);
    ASSERT_TRUE(made) << made.error();
    mounts = std::move(*made);
  }

  std::expected<Location, int> walk_to(const std::string &path, Follow follow = Follow::Yes) {
    return walk(*mounts, View{}, path, follow);
  }
  int walk_error(const std::string &path) {
    auto at = walk_to(path);
    return at ? 0 : at.error();
  }
  std::expected<std::shared_ptr<File>, int> open_at(const std::string &path, int flags, mode_t mode = 0644) {
    return open_file(*mounts, View{}, {path, flags, mode, 022});
  }
  int open_error(const std::string &path, int flags) {
    auto file = open_at(path, flags);
    return file ? 0 : file.error();
  }
  std::string text_of(const std::string &path) {
    auto file = open_at(path, O_RDONLY);
    return file ? read_all(**file) : "error " + std::to_string(file.error());
  }
  static std::string read_all(File &file) {
    char buffer[4096];
    const iovec piece{buffer, sizeof buffer};
    std::int64_t n = file.read({&piece, 1}, std::nullopt);
    return n < 0 ? "error " + std::to_string(-n) : std::string(buffer, std::size_t(n));
  }

  std::filesystem::path base;
  std::unique_ptr<MountTable> mounts;
};

} // namespace pagoda::kernel
