// What the file families share: descriptors and paths from a call's arguments, and SIGPIPE.
#pragma once

#include <cerrno>
#include <expected>
#include <fcntl.h>
#include <memory>
#include <string>

#include "guest/linux/fs/open.hpp"
#include "guest/linux/fs/path_walk.hpp"
#include "guest/linux/kernel.hpp"
#include "guest/linux/user_memory.hpp"

namespace pagoda::kernel::files {

[[nodiscard]] inline std::shared_ptr<File> file_of(const Call &call, int fd) { return call.process.fds->get(fd); }
[[nodiscard]] View view_of(const Call &call);

// A path argument: EFAULT, ENAMETOOLONG.
[[nodiscard]] std::expected<std::string, int> user_path(const Call &call, Gva from);
// The absolute guest path that (dirfd, path) means; ENOENT for an empty one, EBADF, ENOTDIR.
[[nodiscard]] std::expected<std::string, int> absolute_path(const Call &call, int dirfd, const std::string &path);
// Both at once: argument `index` is the path.
[[nodiscard]] std::expected<std::string, int> path_argument(const Call &call, int dirfd, unsigned index);
// Walks to what (dirfd, path) names; with AT_EMPTY_PATH an empty path means dirfd itself.
[[nodiscard]] std::expected<Location, int> locate(const Call &call, int dirfd, unsigned path_index, int at_flags,
                                                  Follow follow);
[[nodiscard]] std::expected<Parent, int> locate_parent(const Call &call, int dirfd, unsigned path_index);

// Puts a file into the table; the descriptor or an error result.
[[nodiscard]] SysResult install(Call &call, std::shared_ptr<File> file, bool close_on_exec);
// Two at once (pipe, socketpair), stored at `to`.
[[nodiscard]] SysResult install_pair(Call &call, std::shared_ptr<File> first, std::shared_ptr<File> second,
                                     bool close_on_exec, Gva to);
void raise_sigpipe(Call &call);

[[nodiscard]] inline SysResult fail(int error) { return SysResult::error(error); }
// 0, or the errno that a host call left.
[[nodiscard]] inline SysResult host_result(long value) { return value < 0 ? fail(errno) : SysResult(value); }

// Waits until `fd` is ready; `keep_alive` is the file that owns it.
[[nodiscard]] SysResult park_on(int fd, short events, WaitFor::OnSignal on_signal = WaitFor::OnSignal::Restart,
                                std::optional<Deadline> deadline = {});

// State that holds on to the file of a parked call: its number may be closed meanwhile.
struct FileState : CallState {
  std::shared_ptr<File> file;
};

} // namespace pagoda::kernel::files
