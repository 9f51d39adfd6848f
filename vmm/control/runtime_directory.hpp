// The directory of a user's control sockets: mode 0700, the user's own, on a file system that does
// not outlive the host. The first that can be had of
//   $XDG_RUNTIME_DIR/pagoda, /run/user/UID/pagoda, for the superuser /run/pagoda, /tmp/pagoda-UID
// (XDG Base Directory Specification 0.8). Whoever looks for VMs looks into all of them: a VM and its
// client may have been started in different environments.
//
// It is used through a descriptor, so that what was checked is what is used, and a path may be longer
// than the 107 bytes of a socket's address.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "vmm/fd.hpp"

namespace pagoda::vmm::control {

struct RuntimeDirectory {
  std::string path;
  Fd fd;
};

struct DirectoryChoice {
  std::string parent; // must exist
  std::string name;
};
// In the order of preference. `runtime`: the value of XDG_RUNTIME_DIR, null when it is not set.
[[nodiscard]] std::vector<DirectoryChoice> directory_choices(const char *runtime, unsigned uid);

enum class Create : bool { No, Yes };
// Refuses a symlink, a directory of another user's, and one that others may enter; says why.
[[nodiscard]] std::expected<RuntimeDirectory, std::string> open_directory(const DirectoryChoice &choice, Create create);

// For a VM that begins: the first that can be had. The error says why none could.
[[nodiscard]] std::expected<RuntimeDirectory, std::string> make_runtime_directory();
// For a client: all that exist and may be trusted.
[[nodiscard]] std::vector<RuntimeDirectory> runtime_directories();

} // namespace pagoda::vmm::control
