#include "guest/linux/fs/open.hpp"

#include <cerrno>
#include <fcntl.h>
#include <termios.h>

#include "guest/linux/fs/device_file.hpp"
#include "guest/linux/fs/directory_file.hpp"
#include "guest/linux/fs/host_file.hpp"
#include "guest/linux/fs/pmem_file.hpp"
#include "guest/linux/fs/synthetic_file.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {
namespace {

using Opened = std::expected<std::shared_ptr<File>, int>;

// What F_GETFL may show, and what is handed to the host on opening.
constexpr int kKeptFlags = ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
constexpr int kHostFlags = O_ACCMODE | O_APPEND | O_TRUNC | O_DIRECTORY | O_SYNC | O_DSYNC | O_DIRECT | O_NOATIME;

bool wants_write(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }
Mutable mutability(const Location &at) { return at.writable() ? Mutable::Yes : Mutable::No; }

int reopen(int path_fd, int flags) {
  int fd = ::open(host_link(path_fd).c_str(), flags | O_CLOEXEC | O_NOCTTY | O_LARGEFILE);
  // Only the owner may ask for O_NOATIME; a guest that does should not fail for our sake.
  if (fd < 0 && errno == EPERM && (flags & O_NOATIME) != 0) return reopen(path_fd, flags & ~O_NOATIME);
  return fd;
}

int refuse_host(const Location &at, int flags) {
  mode_t type = at.st.st_mode & S_IFMT;
  if (type == S_IFLNK) return ELOOP;
  if ((flags & O_DIRECTORY) != 0 && type != S_IFDIR) return ENOTDIR;
  if (type == S_IFDIR && (wants_write(flags) || (flags & O_CREAT) != 0)) return EISDIR;
  if (type == S_IFSOCK) return ENXIO;
  // A node of a file system mounted nodev; and a FIFO of the host's would be a way out.
  if (type == S_IFCHR || type == S_IFBLK) return EACCES;
  if (type == S_IFIFO && !at.writable()) return EACCES;
  if (type == S_IFREG && wants_write(flags) && !at.writable()) return EROFS;
  return 0;
}

Opened open_host(Location at, int flags) {
  if (int error = refuse_host(at, flags); error != 0) return std::unexpected(error);
  bool fifo = S_ISFIFO(at.st.st_mode);
  UniqueFd fd(reopen(at.fd.get(), (flags & kHostFlags) | (fifo ? O_NONBLOCK : 0)));
  if (!fd.valid()) return std::unexpected(errno);
  int kept = flags & kKeptFlags;
  if (at.is_directory()) return std::make_shared<HostDirectory>(std::move(fd), at.path, kept, mutability(at));
  FileKind kind = fifo ? FileKind::Pipe : FileKind::Regular;
  return std::make_shared<HostFile>(std::move(fd), kind, at.path, kept, mutability(at));
}

// O_PATH: a handle on the place.
Opened open_place(Location at, int flags) {
  if ((flags & O_DIRECTORY) != 0 && !at.is_directory()) return std::unexpected(ENOTDIR);
  int kept = flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (at.node != nullptr) return std::make_shared<SyntheticPlace>(std::move(at), kept);
  return std::make_shared<HostFile>(std::move(at.fd), FileKind::Path, at.path, kept, mutability(at));
}

Opened open_terminal(const View &view, int flags) {
  // The controlling terminal is the one that the run was started from.
  for (int fd = 0; fd < 3; ++fd) {
    if (::isatty(fd) == 0) continue;
    UniqueFd tty(reopen(fd, (flags & O_ACCMODE) | O_NONBLOCK));
    if (!tty.valid()) return std::unexpected(errno);
    return std::make_shared<HostFile>(std::move(tty), FileKind::Terminal, "/dev/tty", flags & kKeptFlags, Mutable::No);
  }
  (void)view;
  return std::unexpected(ENXIO);
}

Opened open_pmem(Location at, int flags) {
  if (at.view.kernel == nullptr || at.view.kernel->platform().pmem.empty()) return std::unexpected(ENXIO);
  const Platform &platform = at.view.kernel->platform();
  return std::make_shared<PmemFile>(std::move(at), flags, platform);
}

Opened open_synthetic(MountTable &mounts, Location at, int flags) {
  using Kind = SyntheticNode::Kind;
  const SyntheticNode &node = *at.node;
  if (node.kind == Kind::Link) return std::unexpected(ELOOP);
  if ((flags & O_DIRECTORY) != 0 && node.kind != Kind::Directory) return std::unexpected(ENOTDIR);
  int kept = flags & kKeptFlags;
  if (node.kind == Kind::Directory) {
    if (wants_write(flags) || (flags & O_CREAT) != 0) return std::unexpected(EISDIR);
    return std::make_shared<SyntheticDirectory>(mounts, std::move(at), kept);
  }
  if (node.kind == Kind::Device) {
    if (node.device == Device::Terminal) return open_terminal(at.view, flags);
    if (node.device == Device::Pmem) return open_pmem(std::move(at), kept);
    return std::make_shared<DeviceFile>(std::move(at), kept);
  }
  if (wants_write(flags) && !node.store) return std::unexpected(EACCES);
  std::string text;
  if ((flags & O_ACCMODE) != O_WRONLY && node.generate) {
    Content content = node.generate(at.view);
    if (!content) return std::unexpected(content.error());
    text = std::move(*content);
  }
  return std::make_shared<SyntheticFile>(std::move(at), std::move(text), kept);
}

// Through /proc/PID/fd/N: the same inode again, with no more rights than the descriptor has.
Opened open_again(const std::shared_ptr<File> &file, int flags) {
  if ((flags & O_PATH) != 0) return file;
  FileKind kind = file->kind();
  if (kind == FileKind::Socket) return std::unexpected(ENXIO);
  bool more = (wants_write(flags) && !file->writable()) || ((flags & O_ACCMODE) != O_WRONLY && !file->readable());
  bool content = kind == FileKind::Regular || kind == FileKind::Pipe || kind == FileKind::Terminal;
  // Both ends of a pipe are one inode: the other end may be had by either's descriptor.
  if (more && (kind != FileKind::Pipe && !(kind == FileKind::Regular && file->inode_writable()))) {
    return std::unexpected(EACCES);
  }
  if (file->host_fd() < 0 || !content) return file;
  int host = (flags & (kHostFlags & ~O_DIRECTORY)) | (kind == FileKind::Regular ? 0 : O_NONBLOCK);
  UniqueFd fd(reopen(file->host_fd(), host));
  if (!fd.valid()) return std::unexpected(errno);
  return std::make_shared<HostFile>(std::move(fd), kind, file->path(), flags & kKeptFlags,
                                    file->inode_writable() ? Mutable::Yes : Mutable::No);
}

Opened create(MountTable &mounts, Location directory, const OpenRequest &request) {
  if (directory.node != nullptr) return std::unexpected(directory.mount->point == "/dev" ? EROFS : ENOENT);
  if (!directory.writable()) return std::unexpected(EROFS);
  mode_t mode = request.mode & 07777 & ~request.umask;
  int flags = (request.flags & kHostFlags & ~(O_TRUNC | O_DIRECTORY)) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::openat(directory.fd.get(), directory.name.c_str(), flags, mode));
  if (!fd.valid()) return std::unexpected(errno);
  if ((mode & mounts.host_umask()) != 0) ::fchmod(fd.get(), mode);
  std::string path = (directory.path == "/" ? "" : directory.path) + "/" + directory.name;
  return std::make_shared<HostFile>(std::move(fd), FileKind::Regular, path, request.flags & kKeptFlags);
}

// O_TMPFILE: a file without a name in that directory.
Opened create_unnamed(MountTable &mounts, const View &view, const OpenRequest &request) {
  if ((request.flags & O_ACCMODE) == O_RDONLY) return std::unexpected(EINVAL);
  auto at = walk(mounts, view, request.path, Follow::Yes);
  if (!at) return std::unexpected(at.error());
  if (!at->is_directory()) return std::unexpected(ENOTDIR);
  if (at->node != nullptr) return std::unexpected(EOPNOTSUPP);
  if (!at->writable()) return std::unexpected(EROFS);
  int flags = (request.flags & (O_ACCMODE | O_APPEND | O_EXCL | O_DIRECT | O_SYNC)) | O_TMPFILE | O_CLOEXEC;
  mode_t mode = request.mode & 07777 & ~request.umask;
  UniqueFd fd(::open(host_link(at->fd.get()).c_str(), flags, mode));
  if (!fd.valid()) return std::unexpected(errno);
  if ((mode & mounts.host_umask()) != 0) ::fchmod(fd.get(), mode);
  std::string path = at->path + "/#" + std::to_string(fd.get()) + " (deleted)";
  return std::make_shared<HostFile>(std::move(fd), FileKind::Regular, path, request.flags & kKeptFlags);
}

} // namespace

Opened open_location(MountTable &mounts, Location at, int flags) {
  if (at.file) return open_again(at.file, flags);
  if ((flags & O_PATH) != 0) return open_place(std::move(at), flags);
  if (at.node != nullptr) return open_synthetic(mounts, std::move(at), flags);
  return open_host(std::move(at), flags);
}

Opened open_file(MountTable &mounts, const View &view, const OpenRequest &request) {
  int flags = request.flags;
  if ((flags & O_PATH) != 0)
    flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  else if ((flags & O_TMPFILE) == O_TMPFILE)
    return create_unnamed(mounts, view, request);
  bool create_missing = (flags & O_CREAT) != 0;
  if (create_missing && (flags & O_DIRECTORY) != 0) return std::unexpected(EINVAL);
  bool exclusive = create_missing && (flags & O_EXCL) != 0;
  Follow follow = exclusive || (flags & O_NOFOLLOW) != 0 ? Follow::No : Follow::Yes;
  // Somebody else may make or remove the name between the walk and the creation.
  for (int attempt = 0; attempt < 16; ++attempt) {
    auto at = walk(mounts, view, request.path, follow, create_missing ? Missing::Parent : Missing::Error);
    if (!at) return std::unexpected(at.error());
    if (!at->missing) {
      if (exclusive) return std::unexpected(EEXIST);
      return open_location(mounts, std::move(*at), flags);
    }
    Opened made = create(mounts, std::move(*at), request);
    if (made || made.error() != EEXIST || exclusive) return made;
  }
  return std::unexpected(EAGAIN);
}

Opened open_for_execution(Location &at) {
  if (at.file) return at.file->kind() == FileKind::Regular ? open_again(at.file, O_RDONLY) : std::unexpected(EACCES);
  if (at.node != nullptr || !S_ISREG(at.st.st_mode)) return std::unexpected(EACCES);
  if (::faccessat(at.fd.get(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) != 0) {
    // An old C library lacks AT_EMPTY_PATH: the mode bits then decide as for a program without privileges.
    if (errno != EINVAL || (at.st.st_mode & 0111) == 0) return std::unexpected(EACCES);
  }
  UniqueFd fd(reopen(at.fd.get(), O_RDONLY));
  // Execute permission without read permission: Linux could run it, we could not load it.
  if (!fd.valid()) return std::unexpected(errno);
  return std::make_shared<HostFile>(std::move(fd), FileKind::Regular, at.path, O_RDONLY, mutability(at));
}

void correct_mode(const MountTable &mounts, int directory, const char *name, mode_t mode, mode_t umask) {
  mode_t wanted = mode & ~umask & 07777;
  if ((wanted & mounts.host_umask()) != 0) ::fchmodat(directory, name, wanted, 0);
}

} // namespace pagoda::kernel
