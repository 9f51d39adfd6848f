// open and its kin, close, close_range.
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "guest/linux/fs/fifo_open.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr std::uint64_t kKnownFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
                                      O_DSYNC | O_SYNC | O_ASYNC | O_DIRECT | 0100000 | O_DIRECTORY | O_NOFOLLOW |
                                      O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE;

struct OpenState : FileState {
  FifoWait wait;
};

// A FIFO opened for reading waits for a writer, one opened for writing for a reader: looked for again
// every few milliseconds, since the host has no event for it.
SysResult finish_fifo(Call &call, OpenState &state, bool close_on_exec) {
  if (fifo_has_peer(*state.file)) return install(call, std::move(state.file), close_on_exec);
  WaitFor wait;
  wait.deadline = state.wait.next();
  return SysResult::park(std::move(wait));
}

SysResult open_at(Call &call, int dirfd, unsigned path_index, std::uint64_t guest_flags, mode_t mode) {
  int flags = int(guest_flags & kKnownFlags);
  bool close_on_exec = (flags & O_CLOEXEC) != 0;
  auto &state = call.keep<OpenState>();
  if (state.file) return finish_fifo(call, state, close_on_exec);
  auto path = path_argument(call, dirfd, path_index);
  if (!path) return fail(path.error());
  OpenRequest request{std::move(*path), flags, mode, call.process.fs->umask()};
  auto file = open_file(call.kernel.mounts(), view_of(call), request);
  bool waits = (flags & (O_NONBLOCK | O_PATH)) == 0;
  if (!file && file.error() == ENXIO && waits && (flags & O_ACCMODE) == O_WRONLY &&
      names_fifo(call.kernel.mounts(), view_of(call), request.path)) {
    WaitFor wait;
    wait.deadline = state.wait.next();
    return SysResult::park(std::move(wait));
  }
  if (!file) return fail(file.error());
  if (waits && (*file)->kind() == FileKind::Pipe && (flags & O_ACCMODE) == O_RDONLY && !fifo_has_peer(**file)) {
    state.file = std::move(*file);
    return finish_fifo(call, state, close_on_exec);
  }
  return install(call, std::move(*file), close_on_exec);
}

} // namespace

SysResult do_open(Call &call) { return open_at(call, AT_FDCWD, 0, call.arg_uint(1), mode_t(call.arg_uint(2))); }
SysResult do_creat(Call &call) {
  return open_at(call, AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC, mode_t(call.arg_uint(1)));
}
SysResult do_openat(Call &call) {
  return open_at(call, call.arg_int(0), 1, call.arg_uint(2), mode_t(call.arg_uint(3)));
}

SysResult do_openat2(Call &call) {
  open_how how{};
  if (call.arg(3) < sizeof how) return fail(EINVAL);
  if (call.arg(3) > kPageSize) return fail(E2BIG);
  if (!get_user(call, call.arg_gva(2), how)) return fail(EFAULT);
  if ((how.flags & ~kKnownFlags) != 0 || how.mode > 07777) return fail(EINVAL);
  // What RESOLVE_* forbids cannot be promised by this walk: say so, as a kernel without them does.
  if (how.resolve != 0) return fail(how.resolve > 0x3f ? EINVAL : ENOSYS);
  return open_at(call, call.arg_int(0), 1, how.flags, mode_t(how.mode));
}

SysResult do_close(Call &call) { return call.process.fds->close(call.arg_int(0)); }

SysResult do_close_range(Call &call) {
  unsigned first = call.arg_uint(0), last = call.arg_uint(1), flags = call.arg_uint(2);
  if (first > last || (flags & ~unsigned(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0) return fail(EINVAL);
  if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
    auto own = call.process.fds->copy();
    LockGuard lock(call.kernel.mutex);
    call.process.fds = std::move(own);
  }
  call.process.fds->close_range(first, last, (flags & CLOSE_RANGE_CLOEXEC) != 0);
  return 0;
}

} // namespace pagoda::kernel::files
