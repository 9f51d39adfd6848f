#include "guest/linux/syscall/files/support.hpp"

#include "guest/linux/signal/send.hpp"

namespace pagoda::kernel::files {

View view_of(const Call &call) {
  return {.kernel = &call.kernel, .viewer = &call.process, .viewer_tid = call.task.tid()};
}

std::expected<std::string, int> user_path(const Call &call, Gva from) {
  auto text = fault::copy_string(*call.process.space, from, kPathMax);
  if (text) return std::move(*text);
  return std::unexpected(text.error() == fault::StringError::Fault ? EFAULT : ENAMETOOLONG);
}

std::expected<std::string, int> absolute_path(const Call &call, int dirfd, const std::string &path) {
  if (path.empty()) return std::unexpected(ENOENT);
  if (path[0] == '/') return path;
  if (dirfd == AT_FDCWD) return join_path(call.process.fs->cwd(), path);
  auto directory = file_of(call, dirfd);
  if (!directory) return std::unexpected(EBADF);
  struct stat st{};
  if (directory->status(st) != 0 || !S_ISDIR(st.st_mode)) return std::unexpected(ENOTDIR);
  if (!directory->path().starts_with('/')) return std::unexpected(EACCES); // a host directory passed as stdin
  return join_path(directory->path(), path);
}

std::expected<std::string, int> path_argument(const Call &call, int dirfd, unsigned index) {
  auto path = user_path(call, call.arg_gva(index));
  if (!path) return path;
  return absolute_path(call, dirfd, *path);
}

std::expected<Location, int> locate(const Call &call, int dirfd, unsigned path_index, int at_flags, Follow follow) {
  MountTable &mounts = call.kernel.mounts();
  auto path = user_path(call, call.arg_gva(path_index));
  if (!path) return std::unexpected(path.error());
  if (path->empty() && (at_flags & AT_EMPTY_PATH) != 0) {
    if (dirfd == AT_FDCWD) return walk(mounts, view_of(call), call.process.fs->cwd(), Follow::Yes);
    auto file = file_of(call, dirfd);
    if (!file) return std::unexpected(EBADF);
    Location at;
    if (int error = file->status(at.st); error != 0) return std::unexpected(-error);
    std::string_view below;
    at.mount = &mounts.mount_of(file->path().starts_with('/') ? file->path() : "/", below);
    at.path = file->path();
    at.file = std::move(file);
    at.view = view_of(call);
    return at;
  }
  auto absolute = absolute_path(call, dirfd, *path);
  if (!absolute) return std::unexpected(absolute.error());
  return walk(mounts, view_of(call), std::move(*absolute), follow);
}

std::expected<Parent, int> locate_parent(const Call &call, int dirfd, unsigned path_index) {
  auto path = path_argument(call, dirfd, path_index);
  if (!path) return std::unexpected(path.error());
  return walk_parent(call.kernel.mounts(), view_of(call), *path);
}

SysResult install(Call &call, std::shared_ptr<File> file, bool close_on_exec) {
  return call.process.fds->install(std::move(file), close_on_exec);
}

SysResult install_pair(Call &call, std::shared_ptr<File> first, std::shared_ptr<File> second, bool close_on_exec,
                       Gva to) {
  FdTable &table = *call.process.fds;
  int fds[2];
  fds[0] = table.install(std::move(first), close_on_exec);
  if (fds[0] < 0) return fds[0];
  fds[1] = table.install(std::move(second), close_on_exec);
  bool stored = fds[1] >= 0 && put_user(call, to, fds);
  if (stored) return 0;
  table.close(fds[0]);
  if (fds[1] < 0) return fds[1];
  table.close(fds[1]);
  return fail(EFAULT);
}

void raise_sigpipe(Call &call) {
  LockGuard lock(call.kernel.mutex);
  send_to_task(call.kernel, call.task, signal_info(SIGPIPE, SI_USER, call.process.pid(), call.process.credentials.uid));
}

SysResult park_on(int fd, short events, WaitFor::OnSignal on_signal, std::optional<Deadline> deadline) {
  WaitFor wait;
  wait.fds.push_back({fd, events});
  wait.deadline = deadline;
  wait.on_signal = on_signal;
  return SysResult::park(std::move(wait));
}

} // namespace pagoda::kernel::files
