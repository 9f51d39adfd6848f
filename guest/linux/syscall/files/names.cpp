// Calls that make, remove or move names: mkdir, mknod, unlink, rmdir, rename, link, symlink.
//
// The order of checks is that of Linux: names are looked up first where it does, and a read-only
// mount is reported before or after EEXIST as it would be there.
#include <cstdio>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

using Error = int;

// The directory in which `parent.name` is to be made; 0 or why it cannot be.
Error may_create(const Call &call, const Parent &parent, bool directory) {
  if (!parent.normal()) return EEXIST;
  if (!parent.directory.is_directory()) return ENOTDIR;
  if (parent.trailing_slash && !directory) return ENOENT;
  auto there = walk(call.kernel.mounts(), view_of(call), parent.path(), Follow::No);
  if (there) return EEXIST;
  if (there.error() != ENOENT) return there.error();
  if (parent.directory.node != nullptr) return parent.directory.mount->point == "/proc" ? ENOENT : EPERM;
  return parent.directory.writable() ? 0 : EROFS;
}

// The same for a name that is to go away.
Error may_remove(const Call &call, const Parent &parent) {
  if (parent.directory.node != nullptr) return EPERM;
  if (!parent.directory.writable()) return EROFS;
  // A mount point, or a directory that has one below it, is busy.
  return call.kernel.mounts().has_mounts_below(parent.path()) ? EBUSY : 0;
}

SysResult make_directory(Call &call, int dirfd, unsigned path_index, mode_t mode) {
  auto parent = locate_parent(call, dirfd, path_index);
  if (!parent) return fail(parent.error());
  if (Error error = may_create(call, *parent, true); error != 0) return fail(error);
  mode_t mask = call.process.fs->umask();
  int fd = parent->directory.fd.get();
  if (::mkdirat(fd, parent->name.c_str(), mode & 01777 & ~mask) != 0) return fail(errno);
  correct_mode(call.kernel.mounts(), fd, parent->name.c_str(), mode & 01777, mask);
  return 0;
}

SysResult make_node(Call &call, int dirfd, unsigned path_index, mode_t mode) {
  mode_t type = mode & S_IFMT;
  if (type == S_IFCHR || type == S_IFBLK) return fail(EPERM);
  if (type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
    return fail(type == S_IFDIR ? EPERM : EINVAL);
  auto parent = locate_parent(call, dirfd, path_index);
  if (!parent) return fail(parent.error());
  if (Error error = may_create(call, *parent, false); error != 0) return fail(error);
  mode_t mask = call.process.fs->umask();
  int fd = parent->directory.fd.get();
  if (::mknodat(fd, parent->name.c_str(), type | (mode & 07777 & ~mask), 0) != 0) return fail(errno);
  correct_mode(call.kernel.mounts(), fd, parent->name.c_str(), mode, mask);
  return 0;
}

SysResult remove_name(Call &call, int dirfd, unsigned path_index, bool directory) {
  auto parent = locate_parent(call, dirfd, path_index);
  if (!parent) return fail(parent.error());
  if (!parent->normal()) {
    if (!directory) return fail(EISDIR);
    return fail(parent->name == "." ? EINVAL : parent->name == ".." ? ENOTEMPTY : EBUSY);
  }
  if (Error error = may_remove(call, *parent); error != 0) return fail(error);
  if (parent->trailing_slash && !directory) return fail(EISDIR);
  return host_result(::unlinkat(parent->directory.fd.get(), parent->name.c_str(), directory ? AT_REMOVEDIR : 0));
}

// Working directories are kept as paths: those at or below a directory that moved move with it.
void follow_rename(Call &call, const std::string &from, const std::string &to) {
  std::vector<std::shared_ptr<FsContext>> contexts;
  {
    LockGuard lock(call.kernel.mutex);
    for (const auto &[pid, process] : call.kernel.processes) {
      if (process->fs) contexts.push_back(process->fs);
    }
  }
  for (const auto &context : contexts) {
    std::string cwd = context->cwd();
    if (cwd == from || cwd.starts_with(from + "/")) context->set_cwd(to + cwd.substr(from.size()));
  }
}

SysResult rename_at(Call &call, int from_fd, unsigned from_index, int to_fd, unsigned to_index, unsigned flags) {
  constexpr unsigned kKnown = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  if ((flags & ~kKnown) != 0 || ((flags & RENAME_EXCHANGE) != 0 && flags != RENAME_EXCHANGE)) return fail(EINVAL);
  if ((flags & RENAME_WHITEOUT) != 0) return fail(EPERM);
  auto from = locate_parent(call, from_fd, from_index);
  if (!from) return fail(from.error());
  auto to = locate_parent(call, to_fd, to_index);
  if (!to) return fail(to.error());
  if (from->directory.mount != to->directory.mount) return fail(EXDEV);
  if (!from->normal()) return fail(EBUSY);
  if (!to->normal()) return fail((flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY);
  if (Error error = may_remove(call, *from); error != 0) return fail(error);
  if (Error error = may_remove(call, *to); error != 0) return fail(error);
  // A trailing slash on either name demands a directory, which the host checks as well.
  std::string old_name = from->name + (from->trailing_slash ? "/" : "");
  std::string new_name = to->name + (to->trailing_slash ? "/" : "");
  long done = ::syscall(SYS_renameat2, from->directory.fd.get(), old_name.c_str(), to->directory.fd.get(),
                        new_name.c_str(), flags);
  if (done != 0) return fail(errno);
  follow_rename(call, from->path(), to->path());
  return 0;
}

SysResult link_at(Call &call, int from_fd, unsigned from_index, int to_fd, unsigned to_index, int flags) {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return fail(EINVAL);
  auto from = locate(call, from_fd, from_index, flags, (flags & AT_SYMLINK_FOLLOW) != 0 ? Follow::Yes : Follow::No);
  if (!from) return fail(from.error());
  auto to = locate_parent(call, to_fd, to_index);
  if (!to) return fail(to.error());
  if (Error error = may_create(call, *to, false); error != 0) return fail(error);
  if (from->mount != to->directory.mount) return fail(EXDEV);
  if (from->is_directory()) return fail(EPERM);
  int source = from->file ? from->file->host_fd() : from->fd.get();
  if (source < 0 || (from->file && !from->file->inode_writable())) return fail(EXDEV);
  // By the descriptor's own link, which the host follows: works without privileges.
  return host_result(
      ::linkat(AT_FDCWD, host_link(source).c_str(), to->directory.fd.get(), to->name.c_str(), AT_SYMLINK_FOLLOW));
}

SysResult symlink_at(Call &call, unsigned text_index, int dirfd, unsigned path_index) {
  auto text = user_path(call, call.arg_gva(text_index));
  if (!text) return fail(text.error());
  if (text->empty()) return fail(ENOENT);
  auto parent = locate_parent(call, dirfd, path_index);
  if (!parent) return fail(parent.error());
  if (Error error = may_create(call, *parent, false); error != 0) return fail(error);
  return host_result(::symlinkat(text->c_str(), parent->directory.fd.get(), parent->name.c_str()));
}

} // namespace

SysResult do_mkdir(Call &call) { return make_directory(call, AT_FDCWD, 0, mode_t(call.arg_uint(1))); }
SysResult do_mkdirat(Call &call) { return make_directory(call, call.arg_int(0), 1, mode_t(call.arg_uint(2))); }
SysResult do_mknod(Call &call) { return make_node(call, AT_FDCWD, 0, mode_t(call.arg_uint(1))); }
SysResult do_mknodat(Call &call) { return make_node(call, call.arg_int(0), 1, mode_t(call.arg_uint(2))); }
SysResult do_unlink(Call &call) { return remove_name(call, AT_FDCWD, 0, false); }
SysResult do_rmdir(Call &call) { return remove_name(call, AT_FDCWD, 0, true); }
SysResult do_unlinkat(Call &call) {
  int flags = call.arg_int(2);
  if ((flags & ~AT_REMOVEDIR) != 0) return fail(EINVAL);
  return remove_name(call, call.arg_int(0), 1, flags != 0);
}
SysResult do_rename(Call &call) { return rename_at(call, AT_FDCWD, 0, AT_FDCWD, 1, 0); }
SysResult do_renameat(Call &call) { return rename_at(call, call.arg_int(0), 1, call.arg_int(2), 3, 0); }
SysResult do_renameat2(Call &call) { return rename_at(call, call.arg_int(0), 1, call.arg_int(2), 3, call.arg_uint(4)); }
SysResult do_link(Call &call) { return link_at(call, AT_FDCWD, 0, AT_FDCWD, 1, 0); }
SysResult do_linkat(Call &call) { return link_at(call, call.arg_int(0), 1, call.arg_int(2), 3, call.arg_int(4)); }
SysResult do_symlink(Call &call) { return symlink_at(call, 0, AT_FDCWD, 1); }
SysResult do_symlinkat(Call &call) { return symlink_at(call, 0, call.arg_int(1), 2); }

} // namespace pagoda::kernel::files
