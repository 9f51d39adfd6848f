// Keeps kernel interfaces of the host out of a guest's sight wherever a bind would let them in:
// file systems that are interfaces (proc, sysfs, devpts, cgroup…) are refused by their type, and so
// are device nodes, under whatever path they appear.
#pragma once

#include <map>
#include <sys/stat.h>

#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class HostGuard {
public:
  // Whether a guest may use what `fd` (O_PATH will do) refers to; `st` is its status.
  [[nodiscard]] bool allows(int fd, const struct stat &st);

private:
  [[nodiscard]] bool device_allowed(int fd, dev_t device);
  Mutex mutex_;
  std::map<dev_t, bool> known_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
