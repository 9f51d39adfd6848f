// dup, fcntl, lseek, fsync and the other calls on one open descriptor.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "guest/linux/fs/host_file.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/locks.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr int kSettable = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;

SysResult duplicate_at(Call &call, int from, int to, bool close_on_exec) {
  auto file = file_of(call, from);
  if (!file) return fail(EBADF);
  return call.process.fds->install_at(to, std::move(file), close_on_exec);
}

SysResult set_status_flags(File &file, int wanted) {
  int before = file.flags();
  // O_APPEND and O_NOATIME are the host's to honour; O_NONBLOCK is kept here alone.
  constexpr int kOfHost = O_APPEND | O_NOATIME;
  int host = file.host_fd();
  if (((before ^ wanted) & kOfHost) != 0 && host >= 0 && file.kind() == FileKind::Regular) {
    int now = ::fcntl(host, F_GETFL);
    if (now < 0 || ::fcntl(host, F_SETFL, (now & ~kOfHost) | (wanted & kOfHost)) != 0) return fail(errno);
  }
  file.set_flags((before & ~kSettable) | (wanted & kSettable));
  return 0;
}

SysResult duplicate_from(Call &call, const std::shared_ptr<File> &file, bool close_on_exec) {
  int from = call.arg_int(2);
  if (from < 0) return fail(EINVAL);
  rlim_t limit = call.process.limits[RLIMIT_NOFILE].rlim_cur;
  if (rlim_t(from) >= limit) return fail(EINVAL);
  return call.process.fds->install(file, close_on_exec, from);
}

bool works_on_place(int command) {
  return command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD || command == F_SETFD ||
         command == F_GETFL;
}

SysResult pass_to_host(const File &file, int command, long argument) {
  if (file.host_fd() < 0) return fail(EINVAL);
  return host_result(::fcntl(file.host_fd(), command, argument));
}

} // namespace

SysResult do_dup(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  return install(call, std::move(file), false);
}

SysResult do_dup2(Call &call) {
  int from = call.arg_int(0), to = call.arg_int(1);
  if (from == to) return file_of(call, from) ? SysResult(to) : fail(EBADF);
  return duplicate_at(call, from, to, false);
}

SysResult do_dup3(Call &call) {
  int from = call.arg_int(0), to = call.arg_int(1), flags = call.arg_int(2);
  if (from == to || (flags & ~O_CLOEXEC) != 0) return fail(EINVAL);
  return duplicate_at(call, from, to, flags != 0);
}

SysResult do_fcntl(Call &call) {
  int fd = call.arg_int(0), command = call.arg_int(1);
  auto file = file_of(call, fd);
  if (!file) return fail(EBADF);
  if ((file->flags() & O_PATH) != 0 && !works_on_place(command)) return fail(EBADF);
  FdTable &table = *call.process.fds;
  switch (command) {
  case F_DUPFD: return duplicate_from(call, file, false);
  case F_DUPFD_CLOEXEC: return duplicate_from(call, file, true);
  case F_GETFD: return table.close_on_exec(fd);
  case F_SETFD: return table.set_close_on_exec(fd, (call.arg(2) & FD_CLOEXEC) != 0);
  case F_GETFL: return file->flags();
  case F_SETFL: return set_status_flags(*file, call.arg_int(2));
  case F_GETLK:
  case F_SETLK:
  case F_SETLKW:
  case F_OFD_GETLK:
  case F_OFD_SETLK:
  case F_OFD_SETLKW: return record_lock(call, file, command);
  case F_GETOWN:
  case F_GETSIG: return 0;
  case F_SETOWN:
  case F_SETSIG: return 0; // SIGIO is not delivered; asking for it is harmless
  case F_GETPIPE_SZ:
  case F_SETPIPE_SZ:
    return file->kind() == FileKind::Pipe ? pass_to_host(*file, command, long(call.arg(2))) : fail(EBADF);
  case F_ADD_SEALS:
  case F_GET_SEALS: return pass_to_host(*file, command, long(call.arg(2)));
  case F_GETLEASE: return F_UNLCK;
  default: return fail(EINVAL);
  }
}

SysResult do_lseek(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file || (file->flags() & O_PATH) != 0) return fail(EBADF);
  return file->seek(std::int64_t(call.arg(1)), call.arg_int(2));
}

SysResult do_fsync(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file || (file->flags() & O_PATH) != 0) return fail(EBADF);
  FileKind kind = file->kind();
  bool has_storage = kind == FileKind::Regular || kind == FileKind::Directory;
  if (!has_storage || file->host_fd() < 0) return has_storage ? SysResult(0) : fail(EINVAL);
  if (!file->inode_writable()) return 0; // nothing of the guest's to make durable
  return host_result(call.number == 75 ? ::fdatasync(file->host_fd()) : ::fsync(file->host_fd()));
}

// The guest has no business with the host's other files: each descriptor is synced by fsync.
SysResult do_sync(Call &) { return 0; }

SysResult do_syncfs(Call &call) { return file_of(call, call.arg_int(0)) ? SysResult(0) : fail(EBADF); }

SysResult do_sync_file_range(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  if (file->kind() == FileKind::Pipe || file->kind() == FileKind::Socket) return fail(ESPIPE);
  if (file->host_fd() < 0 || !file->inode_writable()) return 0;
  return host_result(::sync_file_range(file->host_fd(), off_t(call.arg(1)), off_t(call.arg(2)), call.arg_uint(3)));
}

SysResult do_fadvise64(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file) return fail(EBADF);
  if (file->kind() == FileKind::Pipe) return fail(ESPIPE);
  if (file->host_fd() < 0) return 0;
  return -std::int64_t(::posix_fadvise(file->host_fd(), off_t(call.arg(1)), off_t(call.arg(2)), call.arg_int(3)));
}

SysResult do_readahead(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  if (!file || !file->readable()) return fail(EBADF);
  if (file->kind() != FileKind::Regular || file->host_fd() < 0) return fail(EINVAL);
  return host_result(
      ::readahead(file->host_fd(), off64_t(call.arg(1)), std::min<std::uint64_t>(call.arg(2), 1u << 24)));
}

} // namespace pagoda::kernel::files
