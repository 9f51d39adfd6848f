// ioctl: terminals, and the few commands that any descriptor takes. All else is ENOTTY: a command
// that is not understood here must not reach the host.
#include <asm/termbits.h>
#include <sys/ioctl.h>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

// A command whose argument is a fixed structure that the host may fill or read.
template <class T> SysResult get_from_host(Call &call, const File &file, unsigned long command) {
  T value{};
  if (::ioctl(file.host_fd(), command, &value) != 0) return fail(errno);
  return put_user(call, call.arg_gva(2), value) ? SysResult(0) : fail(EFAULT);
}

template <class T> SysResult give_to_host(Call &call, const File &file, unsigned long command) {
  T value{};
  if (!get_user(call, call.arg_gva(2), value)) return fail(EFAULT);
  return host_result(::ioctl(file.host_fd(), command, &value));
}

// Process groups are the guest's own; the host's terminal knows Pagoda's group alone.
SysResult get_group(Call &call) {
  std::int32_t group = 0;
  {
    LockGuard lock(call.kernel.mutex);
    group = std::int32_t(call.kernel.foreground_group);
  }
  return put_user(call, call.arg_gva(2), group) ? SysResult(0) : fail(EFAULT);
}

SysResult set_group(Call &call) {
  std::int32_t group = 0;
  if (!get_user(call, call.arg_gva(2), group)) return fail(EFAULT);
  if (group <= 0) return fail(EINVAL);
  LockGuard lock(call.kernel.mutex);
  for (const auto &[pid, process] : call.kernel.processes) {
    if (process->group != std::uint32_t(group)) continue;
    if (process->session != call.process.session) return fail(EPERM);
    call.kernel.foreground_group = std::uint32_t(group);
    return 0;
  }
  return fail(ESRCH);
}

SysResult get_session(Call &call) {
  auto session = std::int32_t(call.process.session);
  return put_user(call, call.arg_gva(2), session) ? SysResult(0) : fail(EFAULT);
}

SysResult terminal(Call &call, const File &file, unsigned long command) {
  switch (command) {
  case TCGETS: return get_from_host<termios>(call, file, command);
  case TCSETS:
  case TCSETSW:
  case TCSETSF: return give_to_host<termios>(call, file, command);
  case TCGETS2: return get_from_host<termios2>(call, file, command);
  case TCSETS2:
  case TCSETSW2:
  case TCSETSF2: return give_to_host<termios2>(call, file, command);
  case TIOCGWINSZ: return get_from_host<winsize>(call, file, command);
  case TIOCSWINSZ: return give_to_host<winsize>(call, file, command);
  case TIOCOUTQ:
  case TIOCGETD: return get_from_host<int>(call, file, command);
  case TCSBRK:
  case TCXONC:
  case TCFLSH: return host_result(::ioctl(file.host_fd(), command, call.arg_int(2)));
  case TIOCGPGRP: return get_group(call);
  case TIOCSPGRP: return set_group(call);
  case TIOCGSID: return get_session(call);
  case TIOCSCTTY:
  case TIOCNOTTY: return 0;
  case TIOCEXCL:
  case TIOCNXCL: return 0;
  default: return fail(ENOTTY); // TIOCSTI and TIOCLINUX above all
  }
}

SysResult bytes_waiting(Call &call, File &file) {
  int count = 0;
  struct stat st{};
  FileKind kind = file.kind();
  if (kind == FileKind::Regular && file.status(st) == 0 && S_ISREG(st.st_mode)) {
    count = int(std::clamp<std::int64_t>(st.st_size - file.seek(0, SEEK_CUR), 0, INT32_MAX));
  } else if (file.host_fd() < 0 || kind == FileKind::Directory || kind == FileKind::Epoll) {
    return fail(ENOTTY);
  } else if (::ioctl(file.host_fd(), FIONREAD, &count) != 0) {
    return fail(errno);
  }
  return put_user(call, call.arg_gva(2), count) ? SysResult(0) : fail(EFAULT);
}

SysResult set_nonblocking(Call &call, File &file) {
  std::int32_t on = 0;
  if (!get_user(call, call.arg_gva(2), on)) return fail(EFAULT);
  file.set_flags(on != 0 ? file.flags() | O_NONBLOCK : file.flags() & ~O_NONBLOCK);
  return 0;
}

} // namespace

SysResult do_ioctl(Call &call) {
  int fd = call.arg_int(0);
  auto file = file_of(call, fd);
  if (!file || (file->flags() & O_PATH) != 0) return fail(EBADF);
  unsigned long command = call.arg_uint(1);
  switch (command) {
  case FIOCLEX: return call.process.fds->set_close_on_exec(fd, true);
  case FIONCLEX: return call.process.fds->set_close_on_exec(fd, false);
  case FIONBIO: return set_nonblocking(call, *file);
  case FIOASYNC: return 0;
  case FIONREAD: return bytes_waiting(call, *file);
  case TIOCOUTQ:
    if (file->kind() == FileKind::Socket) return get_from_host<int>(call, *file, command);
    break;
  default: break;
  }
  return file->kind() == FileKind::Terminal ? terminal(call, *file, command) : fail(ENOTTY);
}

} // namespace pagoda::kernel::files
