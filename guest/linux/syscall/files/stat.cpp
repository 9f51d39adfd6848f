// stat and its kin, statx, statfs, access, readlink.
#include <cstring>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "guest/linux/fs/directory_file.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

// struct stat of the C library is the kernel's on x86-64.
static_assert(sizeof(struct stat) == 144);
static_assert(sizeof(struct statfs) == 120);
static_assert(sizeof(struct statx) == 256);

SysResult put_status(Call &call, const std::expected<Location, int> &at, unsigned out_index) {
  if (!at) return fail(at.error());
  return put_user(call, call.arg_gva(out_index), at->st) ? SysResult(0) : fail(EFAULT);
}

statx_timestamp timestamp(const timespec &time) {
  statx_timestamp stamp{};
  stamp.tv_sec = time.tv_sec;
  stamp.tv_nsec = std::uint32_t(time.tv_nsec);
  return stamp;
}

struct statx widen(const struct stat &st) {
  struct statx out{};
  out.stx_mask = STATX_BASIC_STATS;
  out.stx_blksize = std::uint32_t(st.st_blksize);
  out.stx_nlink = std::uint32_t(st.st_nlink);
  out.stx_uid = st.st_uid;
  out.stx_gid = st.st_gid;
  out.stx_mode = std::uint16_t(st.st_mode);
  out.stx_ino = st.st_ino;
  out.stx_size = std::uint64_t(st.st_size);
  out.stx_blocks = std::uint64_t(st.st_blocks);
  out.stx_atime = timestamp(st.st_atim);
  out.stx_mtime = timestamp(st.st_mtim);
  out.stx_ctime = timestamp(st.st_ctim);
  out.stx_rdev_major = major(st.st_rdev);
  out.stx_rdev_minor = minor(st.st_rdev);
  out.stx_dev_major = major(st.st_dev);
  out.stx_dev_minor = minor(st.st_dev);
  return out;
}

Follow follow_flag(int at_flags) { return (at_flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::No : Follow::Yes; }

int file_system_of(const Location &at, struct statfs &out) {
  if (at.file) return at.file->file_system(out);
  if (at.node != nullptr) {
    describe_tree(*at.mount->tree, out);
    return 0;
  }
  return ::fstatfs(at.fd.get(), &out) == 0 ? 0 : -errno;
}

SysResult put_file_system(Call &call, struct statfs &fs, bool writable) {
  constexpr long kReadOnly = 1, kValid = 0x20; // ST_RDONLY, ST_VALID
  fs.f_flags |= kValid;
  if (!writable) fs.f_flags |= kReadOnly;
  return put_user(call, call.arg_gva(1), fs) ? SysResult(0) : fail(EFAULT);
}

int synthetic_access(const Location &at, int mode) {
  const SyntheticNode &node = *at.node;
  if ((mode & W_OK) != 0 && node.kind == SyntheticNode::Kind::File && !node.store) return EACCES;
  if ((mode & X_OK) != 0 && node.kind != SyntheticNode::Kind::Directory) return EACCES;
  return 0;
}

SysResult access_at(Call &call, int dirfd, unsigned path_index, int mode, int flags) {
  if ((mode & ~(R_OK | W_OK | X_OK)) != 0) return fail(EINVAL);
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return fail(EINVAL);
  auto at = locate(call, dirfd, path_index, flags, follow_flag(flags));
  if (!at) return fail(at.error());
  if (at->node != nullptr && !at->file) return -std::int64_t(synthetic_access(*at, mode));
  int fd = at->file ? at->file->host_fd() : at->fd.get();
  if (fd < 0) return 0;
  if (::faccessat(fd, "", mode, AT_EMPTY_PATH | (flags & AT_EACCESS)) != 0) return fail(errno);
  bool special =
      S_ISCHR(at->st.st_mode) || S_ISBLK(at->st.st_mode) || S_ISFIFO(at->st.st_mode) || S_ISSOCK(at->st.st_mode);
  if ((mode & W_OK) != 0 && !special && !at->file && !at->writable()) return fail(EROFS);
  return 0;
}

SysResult read_link(Call &call, int dirfd, unsigned path_index) {
  Gva out = call.arg_gva(path_index + 1);
  int size = call.arg_int(path_index + 2);
  if (size <= 0) return fail(EINVAL);
  auto path = user_path(call, call.arg_gva(path_index));
  if (!path) return fail(path.error());
  std::expected<std::string, int> text;
  if (path->empty()) {
    // A descriptor of the link itself, opened O_PATH | O_NOFOLLOW.
    auto file = file_of(call, dirfd);
    if (!file) return fail(dirfd == AT_FDCWD ? ENOENT : EBADF);
    char buffer[kPathMax];
    ssize_t n = file->host_fd() < 0 ? -1 : ::readlinkat(file->host_fd(), "", buffer, sizeof buffer);
    if (n < 0) return fail(ENOENT);
    text = std::string(buffer, std::size_t(n));
  } else {
    auto at = locate(call, dirfd, path_index, 0, Follow::No);
    if (!at) return fail(at.error());
    text = link_text(*at);
  }
  if (!text) return fail(text.error());
  auto bytes = std::as_bytes(std::span(*text)).first(std::min<std::size_t>(text->size(), std::size_t(size)));
  if (fault::copy_out(*call.process.space, out, bytes) != bytes.size()) return fail(EFAULT);
  return std::int64_t(bytes.size());
}

} // namespace

SysResult do_stat(Call &call) { return put_status(call, locate(call, AT_FDCWD, 0, 0, Follow::Yes), 1); }
SysResult do_lstat(Call &call) { return put_status(call, locate(call, AT_FDCWD, 0, 0, Follow::No), 1); }

SysResult do_fstat(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  struct stat st{};
  if (int error = file->status(st); error != 0) return error;
  return put_user(call, call.arg_gva(1), st) ? SysResult(0) : fail(EFAULT);
}

SysResult do_newfstatat(Call &call) {
  int flags = call.arg_int(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)) != 0) return fail(EINVAL);
  return put_status(call, locate(call, call.arg_int(0), 1, flags, follow_flag(flags)), 2);
}

SysResult do_statx(Call &call) {
  int flags = call.arg_int(2);
  constexpr int kKnown = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
  if ((flags & ~kKnown) != 0 || (call.arg_uint(3) & STATX__RESERVED) != 0) return fail(EINVAL);
  auto at = locate(call, call.arg_int(0), 1, flags, follow_flag(flags));
  if (!at) return fail(at.error());
  struct statx out = widen(at->st);
  // The time of birth is all that the host can add.
  int fd = at->file ? at->file->host_fd() : at->fd.get();
  struct statx host{};
  if (fd >= 0 && (call.arg_uint(3) & STATX_BTIME) != 0 && ::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &host) == 0 &&
      (host.stx_mask & STATX_BTIME) != 0) {
    out.stx_mask |= STATX_BTIME;
    out.stx_btime = host.stx_btime;
  }
  return put_user(call, call.arg_gva(4), out) ? SysResult(0) : fail(EFAULT);
}

SysResult do_statfs(Call &call) {
  auto at = locate(call, AT_FDCWD, 0, 0, Follow::Yes);
  if (!at) return fail(at.error());
  struct statfs fs{};
  if (int error = file_system_of(*at, fs); error != 0) return error;
  return put_file_system(call, fs, at->node != nullptr || at->writable());
}

SysResult do_fstatfs(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  struct statfs fs{};
  if (int error = file->file_system(fs); error != 0) return error;
  return put_file_system(call, fs, file->inode_writable());
}

SysResult do_access(Call &call) { return access_at(call, AT_FDCWD, 0, call.arg_int(1), 0); }
SysResult do_faccessat(Call &call) { return access_at(call, call.arg_int(0), 1, call.arg_int(2), 0); }
SysResult do_faccessat2(Call &call) { return access_at(call, call.arg_int(0), 1, call.arg_int(2), call.arg_int(3)); }
SysResult do_readlink(Call &call) { return read_link(call, AT_FDCWD, 0); }
SysResult do_readlinkat(Call &call) { return read_link(call, call.arg_int(0), 1); }

} // namespace pagoda::kernel::files
