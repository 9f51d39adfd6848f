// Opening: from a location to an open file, with the refusals of Linux in Linux's order.
//
// Source: open(2), Linux fs/namei.c as behaviour (what is checked before what). Errors are positive
// errnos. A host file is opened by way of its O_PATH descriptor, so it is the very inode that was
// checked, whatever happens to its name meanwhile.
#pragma once

#include <expected>
#include <memory>

#include "guest/linux/fs/path_walk.hpp"

namespace pagoda::kernel {

struct OpenRequest {
  std::string path; // absolute guest path
  int flags = 0;    // the guest's, O_* of x86-64
  mode_t mode = 0;  // permission bits of a file to be made
  mode_t umask = 022;
};

[[nodiscard]] std::expected<std::shared_ptr<File>, int> open_file(MountTable &mounts, const View &view,
                                                                  const OpenRequest &request);
// An existing thing that a walk found.
[[nodiscard]] std::expected<std::shared_ptr<File>, int> open_location(MountTable &mounts, Location at, int flags);
[[nodiscard]] std::expected<std::shared_ptr<File>, int> open_for_execution(Location &at);
// After mkdir, mknod and open: gives a new inode the mode that the guest's umask asks for, not the host's.
void correct_mode(const MountTable &mounts, int directory, const char *name, mode_t mode, mode_t umask);

} // namespace pagoda::kernel
