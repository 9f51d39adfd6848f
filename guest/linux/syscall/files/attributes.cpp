// chmod, chown, utimes, truncate, fallocate and extended attributes.
#include <cstring>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr std::size_t kLargestAttribute = 65536; // XATTR_SIZE_MAX
constexpr std::size_t kLongestName = 256;        // XATTR_NAME_MAX and the NUL

// The host descriptor of an inode that may be changed; else a negative errno.
int changeable(const Location &at) {
  if (at.file) {
    if (at.file->host_fd() < 0) return -EPERM;
    return at.file->inode_writable() ? at.file->host_fd() : -EROFS;
  }
  if (at.node != nullptr) return -EPERM;
  return at.writable() ? at.fd.get() : -EROFS;
}

std::expected<Location, int> open_location_of(Call &call, int fd) {
  auto file = file_of(call, fd);
  if (!file || (file->flags() & O_PATH) != 0) return std::unexpected(EBADF);
  Location at;
  if (int error = file->status(at.st); error != 0) return std::unexpected(-error);
  at.path = file->path();
  at.file = std::move(file);
  return at;
}

Follow follow_flag(int at_flags) { return (at_flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::No : Follow::Yes; }

SysResult change_mode(const std::expected<Location, int> &at, mode_t mode) {
  if (!at) return fail(at.error());
  int fd = changeable(*at);
  if (fd < 0) return fd;
  if (S_ISLNK(at->st.st_mode)) return fail(EOPNOTSUPP);
  return host_result(::chmod(host_link(fd).c_str(), mode & 07777));
}

SysResult change_owner(const std::expected<Location, int> &at, unsigned uid, unsigned gid) {
  if (!at) return fail(at.error());
  int fd = changeable(*at);
  if (fd < 0) return fd;
  return host_result(::fchownat(fd, "", uid, gid, AT_EMPTY_PATH));
}

SysResult change_times(const std::expected<Location, int> &at, const timespec *times) {
  if (!at) return fail(at.error());
  int fd = changeable(*at);
  if (fd < 0) return fd;
  if (S_ISLNK(at->st.st_mode)) return host_result(::utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  return host_result(::utimensat(AT_FDCWD, host_link(fd).c_str(), times, 0));
}

bool valid_time(const timespec &time) {
  return time.tv_nsec == UTIME_NOW || time.tv_nsec == UTIME_OMIT || (time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
}

SysResult times_of_microseconds(Call &call, int dirfd, unsigned path_index, Gva from) {
  auto at = locate(call, dirfd, path_index, 0, Follow::Yes);
  if (from.value() == 0) return change_times(at, nullptr);
  timeval given[2];
  if (!get_user(call, from, given)) return fail(EFAULT);
  timespec times[2];
  for (int i = 0; i < 2; ++i) {
    if (given[i].tv_usec < 0 || given[i].tv_usec >= 1000000) return fail(EINVAL);
    times[i] = {given[i].tv_sec, given[i].tv_usec * 1000};
  }
  return change_times(at, times);
}

SysResult truncate_file(File &file, std::int64_t length) {
  if (length < 0) return fail(EINVAL);
  return file.truncate(std::uint64_t(length));
}

// The text of an attribute's name; ERANGE as Linux says for an empty or long one.
std::expected<std::string, int> attribute_name(Call &call, unsigned index) {
  auto name = fault::copy_string(*call.process.space, call.arg_gva(index), kLongestName);
  if (!name) return std::unexpected(name.error() == fault::StringError::Fault ? EFAULT : ERANGE);
  if (name->empty()) return std::unexpected(ERANGE);
  return std::move(*name);
}

// Attributes are reached by the descriptor's own link: there is no call on an O_PATH descriptor.
// A symlink's own attributes cannot be had that way, and have no use here.
std::expected<std::string, int> attribute_path(const std::expected<Location, int> &at, bool change) {
  if (!at) return std::unexpected(at.error());
  int fd = at->file ? at->file->host_fd() : at->fd.get();
  if (change) fd = changeable(*at);
  if (change && fd < 0) return std::unexpected(-fd);
  if (fd < 0 || S_ISLNK(at->st.st_mode)) return std::unexpected(ENOTSUP);
  return host_link(fd);
}

SysResult put_bytes(Call &call, Gva to, std::uint64_t size, ssize_t n, const std::vector<std::byte> &bytes) {
  if (n < 0) return fail(errno);
  if (size == 0) return std::int64_t(n);
  if (std::size_t(n) > size) return fail(ERANGE);
  auto part = std::span(bytes).first(std::size_t(n));
  return fault::copy_out(*call.process.space, to, part) == part.size() ? SysResult(std::int64_t(n)) : fail(EFAULT);
}

SysResult get_attribute(Call &call, const std::expected<Location, int> &at) {
  auto name = attribute_name(call, 1);
  if (!name) return fail(name.error());
  auto path = attribute_path(at, false);
  if (!path) return fail(path.error());
  std::uint64_t size = std::min<std::uint64_t>(call.arg(3), kLargestAttribute);
  std::vector<std::byte> bytes(size);
  ssize_t n = ::getxattr(path->c_str(), name->c_str(), bytes.data(), size);
  return put_bytes(call, call.arg_gva(2), size, n, bytes);
}

SysResult list_attributes(Call &call, const std::expected<Location, int> &at) {
  auto path = attribute_path(at, false);
  if (!path && path.error() == ENOTSUP) return 0; // a synthetic file has none
  if (!path) return fail(path.error());
  std::uint64_t size = std::min<std::uint64_t>(call.arg(2), kLargestAttribute);
  std::vector<std::byte> bytes(size);
  ssize_t n = ::listxattr(path->c_str(), reinterpret_cast<char *>(bytes.data()), size);
  return put_bytes(call, call.arg_gva(1), size, n, bytes);
}

SysResult set_attribute(Call &call, const std::expected<Location, int> &at) {
  auto name = attribute_name(call, 1);
  if (!name) return fail(name.error());
  if (call.arg(3) > kLargestAttribute) return fail(E2BIG);
  std::vector<std::byte> bytes(call.arg(3));
  if (fault::copy_in(*call.process.space, call.arg_gva(2), bytes) != bytes.size()) return fail(EFAULT);
  auto path = attribute_path(at, true);
  if (!path) return fail(path.error());
  if (!name->starts_with("user.")) return fail(EPERM); // security.* and trusted.* act on the host
  return host_result(::setxattr(path->c_str(), name->c_str(), bytes.data(), bytes.size(), call.arg_int(4)));
}

SysResult remove_attribute(Call &call, const std::expected<Location, int> &at) {
  auto name = attribute_name(call, 1);
  if (!name) return fail(name.error());
  auto path = attribute_path(at, true);
  if (!path) return fail(path.error());
  if (!name->starts_with("user.")) return fail(EPERM);
  return host_result(::removexattr(path->c_str(), name->c_str()));
}

std::expected<Location, int> by_path(Call &call) { return locate(call, AT_FDCWD, 0, 0, Follow::Yes); }
std::expected<Location, int> by_link(Call &call) { return locate(call, AT_FDCWD, 0, 0, Follow::No); }
std::expected<Location, int> by_fd(Call &call) { return open_location_of(call, call.arg_int(0)); }

} // namespace

SysResult do_chmod(Call &call) { return change_mode(by_path(call), mode_t(call.arg_uint(1))); }
SysResult do_fchmod(Call &call) { return change_mode(by_fd(call), mode_t(call.arg_uint(1))); }
SysResult do_fchmodat(Call &call) {
  return change_mode(locate(call, call.arg_int(0), 1, 0, Follow::Yes), mode_t(call.arg_uint(2)));
}
SysResult do_fchmodat2(Call &call) {
  int flags = call.arg_int(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return fail(EINVAL);
  return change_mode(locate(call, call.arg_int(0), 1, flags, follow_flag(flags)), mode_t(call.arg_uint(2)));
}
SysResult do_chown(Call &call) { return change_owner(by_path(call), call.arg_uint(1), call.arg_uint(2)); }
SysResult do_lchown(Call &call) { return change_owner(by_link(call), call.arg_uint(1), call.arg_uint(2)); }
SysResult do_fchown(Call &call) { return change_owner(by_fd(call), call.arg_uint(1), call.arg_uint(2)); }
SysResult do_fchownat(Call &call) {
  int flags = call.arg_int(4);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return fail(EINVAL);
  return change_owner(locate(call, call.arg_int(0), 1, flags, follow_flag(flags)), call.arg_uint(2), call.arg_uint(3));
}

SysResult do_utime(Call &call) {
  auto at = by_path(call);
  Gva from = call.arg_gva(1);
  if (from.value() == 0) return change_times(at, nullptr);
  utimbuf given{};
  if (!get_user(call, from, given)) return fail(EFAULT);
  const timespec times[2] = {{given.actime, 0}, {given.modtime, 0}};
  return change_times(at, times);
}
SysResult do_utimes(Call &call) { return times_of_microseconds(call, AT_FDCWD, 0, call.arg_gva(1)); }
SysResult do_futimesat(Call &call) { return times_of_microseconds(call, call.arg_int(0), 1, call.arg_gva(2)); }

SysResult do_utimensat(Call &call) {
  timespec times[2];
  const bool now = call.arg(2) == 0;
  if (!now && !get_user(call, call.arg_gva(2), times)) return fail(EFAULT);
  if (!now && (!valid_time(times[0]) || !valid_time(times[1]))) return fail(EINVAL);
  if (!now && times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) return 0;
  // A null path means the descriptor itself (futimens).
  if (call.arg(1) == 0) return change_times(by_fd(call), now ? nullptr : times);
  int flags = call.arg_int(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return fail(EINVAL);
  return change_times(locate(call, call.arg_int(0), 1, flags, follow_flag(flags)), now ? nullptr : times);
}

SysResult do_truncate(Call &call) {
  if (std::int64_t(call.arg(1)) < 0) return fail(EINVAL);
  auto at = by_path(call);
  if (!at) return fail(at.error());
  if (at->is_directory()) return fail(EISDIR);
  if (!S_ISREG(at->st.st_mode)) return fail(EINVAL);
  auto file = open_location(call.kernel.mounts(), std::move(*at), O_WRONLY);
  if (!file) return fail(file.error());
  return truncate_file(**file, std::int64_t(call.arg(1)));
}

SysResult do_ftruncate(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  return truncate_file(*file, std::int64_t(call.arg(1)));
}

SysResult do_fallocate(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file || !file->writable()) return fail(EBADF);
  if (file->host_fd() < 0 || file->kind() != FileKind::Regular) return fail(ENODEV);
  return host_result(::fallocate(file->host_fd(), call.arg_int(1), off_t(call.arg(2)), off_t(call.arg(3))));
}

SysResult do_getxattr(Call &call) { return get_attribute(call, by_path(call)); }
SysResult do_lgetxattr(Call &call) { return get_attribute(call, by_link(call)); }
SysResult do_fgetxattr(Call &call) { return get_attribute(call, by_fd(call)); }
SysResult do_listxattr(Call &call) { return list_attributes(call, by_path(call)); }
SysResult do_llistxattr(Call &call) { return list_attributes(call, by_link(call)); }
SysResult do_flistxattr(Call &call) { return list_attributes(call, by_fd(call)); }
SysResult do_setxattr(Call &call) { return set_attribute(call, by_path(call)); }
SysResult do_lsetxattr(Call &call) { return set_attribute(call, by_link(call)); }
SysResult do_fsetxattr(Call &call) { return set_attribute(call, by_fd(call)); }
SysResult do_removexattr(Call &call) { return remove_attribute(call, by_path(call)); }
SysResult do_lremovexattr(Call &call) { return remove_attribute(call, by_link(call)); }
SysResult do_fremovexattr(Call &call) { return remove_attribute(call, by_fd(call)); }

} // namespace pagoda::kernel::files
