// Descriptors made from nothing: pipe, eventfd, timerfd, memfd, inotify.
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

#include "guest/linux/fs/host_file.hpp"
#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::files {
namespace {

constexpr int kPipeFlags = O_CLOEXEC | O_NONBLOCK | O_DIRECT;

SysResult make_pipe(Call &call, int flags) {
  if ((flags & ~kPipeFlags) != 0) return fail(EINVAL);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK | (flags & O_DIRECT)) != 0) return fail(errno);
  UniqueFd reader(ends[0]), writer(ends[1]);
  std::string path = anonymous_path("pipe", reader.get());
  int kept = flags & (O_NONBLOCK | O_DIRECT);
  auto first = std::make_shared<HostFile>(std::move(reader), FileKind::Pipe, path, O_RDONLY | kept);
  auto second = std::make_shared<HostFile>(std::move(writer), FileKind::Pipe, path, O_WRONLY | kept);
  return install_pair(call, std::move(first), std::move(second), (flags & O_CLOEXEC) != 0, call.arg_gva(0));
}

// `fd` is a fresh host descriptor, or -1 with errno.
SysResult wrap(Call &call, int fd, FileKind kind, const char *path, int flags) {
  if (fd < 0) return fail(errno);
  int kept = O_RDWR | (flags & O_NONBLOCK);
  return install(call, std::make_shared<HostFile>(UniqueFd(fd), kind, path, kept), (flags & O_CLOEXEC) != 0);
}

SysResult make_eventfd(Call &call, unsigned initial, int flags) {
  if ((flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) != 0) return fail(EINVAL);
  int fd = ::eventfd(initial, (flags & EFD_SEMAPHORE) | EFD_CLOEXEC | EFD_NONBLOCK);
  return wrap(call, fd, FileKind::Event, "anon_inode:[eventfd]", flags);
}

std::shared_ptr<File> timer_of(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  return file && file->kind() == FileKind::Event ? file : nullptr;
}

std::shared_ptr<File> inotify_of(Call &call) {
  auto file = file_of(call, call.arg_int(0));
  return file && file->path() == "anon_inode:inotify" ? file : nullptr;
}

SysResult make_inotify(Call &call, int flags) {
  if ((flags & ~(IN_CLOEXEC | IN_NONBLOCK)) != 0) return fail(EINVAL);
  return wrap(call, ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), FileKind::Event, "anon_inode:inotify", flags);
}

} // namespace

SysResult do_pipe(Call &call) { return make_pipe(call, 0); }
SysResult do_pipe2(Call &call) { return make_pipe(call, call.arg_int(1)); }
SysResult do_eventfd(Call &call) { return make_eventfd(call, call.arg_uint(0), 0); }
SysResult do_eventfd2(Call &call) { return make_eventfd(call, call.arg_uint(0), call.arg_int(1)); }

SysResult do_timerfd_create(Call &call) {
  int flags = call.arg_int(1);
  if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) != 0) return fail(EINVAL);
  int fd = ::timerfd_create(call.arg_int(0), TFD_CLOEXEC | TFD_NONBLOCK);
  return wrap(call, fd, FileKind::Event, "anon_inode:[timerfd]", flags);
}

SysResult do_timerfd_settime(Call &call) {
  itimerspec wanted{}, before{};
  if (!get_user(call, call.arg_gva(2), wanted)) return fail(EFAULT);
  auto file = timer_of(call);
  if (!file) return fail(file_of(call, call.arg_int(0)) ? EINVAL : EBADF);
  if (::timerfd_settime(file->host_fd(), call.arg_int(1), &wanted, &before) != 0) return fail(errno);
  if (call.arg(3) != 0 && !put_user(call, call.arg_gva(3), before)) return fail(EFAULT);
  return 0;
}

SysResult do_timerfd_gettime(Call &call) {
  auto file = timer_of(call);
  if (!file) return fail(file_of(call, call.arg_int(0)) ? EINVAL : EBADF);
  itimerspec now{};
  if (::timerfd_gettime(file->host_fd(), &now) != 0) return fail(errno);
  return put_user(call, call.arg_gva(1), now) ? SysResult(0) : fail(EFAULT);
}

SysResult do_memfd_create(Call &call) {
  constexpr std::size_t kLongestName = 249; // MFD_NAME_MAX_LEN
  auto name = fault::copy_string(*call.process.space, call.arg_gva(0), kLongestName + 1);
  if (!name) return fail(name.error() == fault::StringError::Fault ? EFAULT : EINVAL);
  unsigned flags = call.arg_uint(1);
  constexpr unsigned kNoExecSeal = 0x8, kExec = 0x10; // Linux 6.3
  if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | kNoExecSeal | kExec)) != 0) return fail(EINVAL);
  int fd = ::memfd_create(name->c_str(), MFD_CLOEXEC | (flags & MFD_ALLOW_SEALING));
  if (fd < 0) return fail(errno);
  auto file = std::make_shared<HostFile>(UniqueFd(fd), FileKind::Regular, "/memfd:" + *name + " (deleted)", O_RDWR);
  return install(call, std::move(file), (flags & MFD_CLOEXEC) != 0);
}

SysResult do_inotify_init(Call &call) { return make_inotify(call, 0); }
SysResult do_inotify_init1(Call &call) { return make_inotify(call, call.arg_int(0)); }

SysResult do_inotify_add_watch(Call &call) {
  auto file = inotify_of(call);
  if (!file) return fail(file_of(call, call.arg_int(0)) ? EINVAL : EBADF);
  unsigned mask = call.arg_uint(2);
  auto at = locate(call, AT_FDCWD, 1, 0, (mask & IN_DONT_FOLLOW) != 0 ? Follow::No : Follow::Yes);
  if (!at) return fail(at.error());
  if ((mask & IN_ONLYDIR) != 0 && !at->is_directory()) return fail(ENOTDIR);
  if (at->node != nullptr || !at->fd.valid()) return fail(EACCES);
  return host_result(::inotify_add_watch(file->host_fd(), host_link(at->fd.get()).c_str(), mask & ~IN_DONT_FOLLOW));
}

SysResult do_inotify_rm_watch(Call &call) {
  auto file = inotify_of(call);
  if (!file) return fail(file_of(call, call.arg_int(0)) ? EINVAL : EBADF);
  return host_result(::inotify_rm_watch(file->host_fd(), call.arg_int(1)));
}

} // namespace pagoda::kernel::files
