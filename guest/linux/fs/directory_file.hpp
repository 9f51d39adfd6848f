// Open directories: the host's entries or a tree's nodes, with the mount points that lie in them.
//
// Positions: the host's cookies are passed through; entries that only the guest has (mount points
// without a directory beneath) come after them, at kExtra and up.
#pragma once

#include "guest/linux/fs/host_file.hpp"
#include "guest/linux/fs/node_file.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class HostDirectory final : public HostFile {
public:
  HostDirectory(UniqueFd fd, std::string path, int flags, Mutable inode)
      : HostFile(std::move(fd), FileKind::Directory, std::move(path), flags, inode) {}

  std::int64_t read(std::span<const iovec>, std::optional<std::uint64_t>) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  int list(const View &view, DirectorySink &sink) override;

private:
  static constexpr std::int64_t kExtra = 0x7ffffffffffff000;
  int list_host(DirectorySink &sink, bool &full) PAGODA_REQUIRES(mutex_);
  Mutex mutex_;
  std::int64_t last_ PAGODA_GUARDED_BY(mutex_) = 0;   // host position behind the last entry given
  std::int64_t extra_ PAGODA_GUARDED_BY(mutex_) = -1; // >= 0: index of the next guest-only entry
};

class SyntheticDirectory final : public NodeFile {
public:
  SyntheticDirectory(MountTable &mounts, Location at, int flags);
  std::int64_t read(std::span<const iovec>, std::optional<std::uint64_t>) override;
  std::int64_t seek(std::int64_t offset, int whence) override;
  int list(const View &view, DirectorySink &sink) override;
  [[nodiscard]] FileKind kind() const override { return FileKind::Directory; }

private:
  MountTable &mounts_;
  Mutex mutex_;
  std::uint64_t position_ PAGODA_GUARDED_BY(mutex_) = 0;
};

// statfs of a synthetic tree.
void describe_tree(const SyntheticTree &tree, struct statfs &out);

} // namespace pagoda::kernel
