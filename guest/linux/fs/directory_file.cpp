#include "guest/linux/fs/directory_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

// struct linux_dirent64 of getdents64(2).
struct HostEntry {
  std::uint64_t inode;
  std::int64_t next;
  std::uint16_t length;
  std::uint8_t type;
  char name[];
};

unsigned char entry_type(const SyntheticNode &node) {
  switch (node.kind) {
  case SyntheticNode::Kind::Directory: return DT_DIR;
  case SyntheticNode::Kind::File: return DT_REG;
  case SyntheticNode::Kind::Link: return DT_LNK;
  case SyntheticNode::Kind::Device: return node.device == Device::Pmem ? DT_BLK : DT_CHR;
  }
  return DT_UNKNOWN;
}

std::uint64_t inode_of(MountTable &mounts, const View &view, const std::string &path) {
  auto at = walk(mounts, view, path, Follow::No);
  return at ? at->st.st_ino : 1;
}

} // namespace

std::int64_t HostDirectory::read(std::span<const iovec>, std::optional<std::uint64_t>) { return -EISDIR; }

std::int64_t HostDirectory::seek(std::int64_t offset, int whence) {
  LockGuard lock(mutex_);
  if (whence == SEEK_CUR && extra_ >= 0) {
    if (offset != 0) return -EINVAL;
    return kExtra + extra_;
  }
  if (whence == SEEK_SET && offset >= kExtra) {
    extra_ = offset - kExtra;
    return offset;
  }
  extra_ = -1;
  return HostFile::seek(offset, whence);
}

// Host entries until the sink is full or the directory ends; the host position follows the sink.
int HostDirectory::list_host(DirectorySink &sink, bool &full) {
  alignas(HostEntry) std::array<char, 16384> buffer;
  for (;;) {
    long n = ::syscall(SYS_getdents64, host_fd(), buffer.data(), buffer.size());
    if (n < 0) return -errno;
    if (n == 0) return 0;
    std::int64_t before = -1;
    for (long at = 0; at < n;) {
      const auto *entry = reinterpret_cast<const HostEntry *>(buffer.data() + at);
      if (!sink.entry(entry->inode, std::uint64_t(entry->next), entry->type, entry->name)) {
        full = true;
        // Where the last entry that fitted ended; at the very first one: where this call began.
        if (before >= 0)
          ::lseek(host_fd(), before, SEEK_SET);
        else
          ::lseek(host_fd(), last_, SEEK_SET);
        return 0;
      }
      before = last_ = entry->next;
      at += entry->length;
    }
  }
}

int HostDirectory::list(const View &view, DirectorySink &sink) {
  LockGuard lock(mutex_);
  bool full = false;
  if (extra_ < 0) {
    last_ = HostFile::seek(0, SEEK_CUR);
    if (int error = list_host(sink, full); error != 0 || full) return error;
    extra_ = 0;
  }
  if (view.kernel == nullptr) return 0;
  MountTable &mounts = view.kernel->mounts();
  std::vector<std::string> points = mounts.points_in(path_);
  std::erase_if(points, [&](const std::string &name) {
    struct stat st{};
    return ::fstatat(host_fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0; // listed by the host already
  });
  for (; std::size_t(extra_) < points.size(); ++extra_) {
    const std::string &name = points[std::size_t(extra_)];
    std::uint64_t inode = inode_of(mounts, view, (path_ == "/" ? "" : path_) + "/" + name);
    if (!sink.entry(inode, std::uint64_t(kExtra + extra_ + 1), DT_DIR, name)) return 0;
  }
  return 0;
}

SyntheticDirectory::SyntheticDirectory(MountTable &mounts, Location at, int flags)
    : NodeFile(std::move(at), flags), mounts_(mounts) {}

std::int64_t SyntheticDirectory::read(std::span<const iovec>, std::optional<std::uint64_t>) { return -EISDIR; }

std::int64_t SyntheticDirectory::seek(std::int64_t offset, int whence) {
  LockGuard lock(mutex_);
  if (whence == SEEK_CUR)
    offset += std::int64_t(position_);
  else if (whence != SEEK_SET)
    return -EINVAL;
  if (offset < 0 || offset > INT32_MAX) return -EINVAL;
  position_ = std::uint64_t(offset);
  return offset;
}

int SyntheticDirectory::list(const View &, DirectorySink &sink) {
  struct Line {
    std::string name;
    std::uint64_t inode;
    unsigned char type;
  };
  std::vector<Line> lines = {{".", at_.st.st_ino, DT_DIR}, {"..", at_.st.st_ino, DT_DIR}};
  const SyntheticTree &tree = *at_.mount->tree;
  std::vector<std::string> points = mounts_.points_in(path_);
  for (const auto &member : tree.members(*at_.node, at_.view)) {
    if (std::ranges::find(points, member.name) != points.end()) continue;
    struct stat st{};
    View below = at_.view;
    (void)tree.child(*at_.node, member.name, below);
    tree.status(*member.node, below, st);
    lines.push_back({member.name, st.st_ino, entry_type(*member.node)});
  }
  for (const std::string &name : points) {
    lines.push_back({name, inode_of(mounts_, at_.view, (path_ == "/" ? "" : path_) + "/" + name), DT_DIR});
  }
  LockGuard lock(mutex_);
  for (; position_ < lines.size(); ++position_) {
    const Line &line = lines[position_];
    if (!sink.entry(line.inode, position_ + 1, line.type, line.name)) return 0;
  }
  return 0;
}

void describe_tree(const SyntheticTree &tree, struct statfs &out) {
  out = {};
  out.f_type = decltype(out.f_type)(tree.magic());
  out.f_bsize = out.f_frsize = 4096;
  out.f_namelen = 255;
}

} // namespace pagoda::kernel
