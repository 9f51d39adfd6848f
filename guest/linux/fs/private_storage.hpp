// Memory-backed storage for a guest's own /tmp and the like.
//
// A detached tmpfs where the host allows it (fsopen(2), fsmount(2)): nothing to clean up, it is gone
// with its last descriptor however the process ends. Else a directory under $TMPDIR, removed by the
// destructor.
#pragma once

#include <expected>
#include <string>
#include <sys/stat.h>

#include "guest/linux/fs/unique_fd.hpp"

namespace pagoda::kernel {

class PrivateStorage {
public:
  static std::expected<PrivateStorage, std::string> create();
  PrivateStorage(PrivateStorage &&) noexcept = default;
  PrivateStorage &operator=(PrivateStorage &&) = delete;
  ~PrivateStorage();

  // A new, empty directory in it, as an O_PATH descriptor; invalid with errno set on failure.
  [[nodiscard]] UniqueFd make_directory(const char *name, mode_t mode);
  [[nodiscard]] bool detached() const { return host_path_.empty(); }

private:
  PrivateStorage(UniqueFd root, std::string host_path) : root_(std::move(root)), host_path_(std::move(host_path)) {}
  UniqueFd root_;
  std::string host_path_; // empty for a detached tmpfs
};

} // namespace pagoda::kernel
