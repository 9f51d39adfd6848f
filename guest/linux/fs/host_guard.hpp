// Keeps kernel interfaces of the host out of a guest's sight wherever a bind would let them in:
// file systems that are interfaces (proc, sysfs, devpts, cgroup…) are refused by their type, and so
// are device nodes, under whatever path they appear. So are directories that are the host's alone, and
// the sockets in them: whoever could connect there would control the VM from inside.
#pragma once

#include <map>
#include <sys/stat.h>
#include <vector>

#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

// A directory of the host, whatever it is called.
struct DirectoryIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const DirectoryIdentity &) const = default;
};

class HostGuard {
public:
  // Before the guest begins.
  void hide(const DirectoryIdentity &directory) { hidden_.push_back(directory); }
  // Whether a guest may use what `fd` (O_PATH will do) refers to; `st` is its status.
  [[nodiscard]] bool allows(int fd, const struct stat &st);

private:
  [[nodiscard]] bool device_allowed(int fd, dev_t device);
  [[nodiscard]] bool is_hidden(int fd, const struct stat &st) const;
  std::vector<DirectoryIdentity> hidden_;
  Mutex mutex_;
  std::map<dev_t, bool> known_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
