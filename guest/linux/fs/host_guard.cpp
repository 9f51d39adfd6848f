#include "guest/linux/fs/host_guard.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kConfigFs = 0x62656570;
constexpr std::uint64_t kFuseControl = 0x65735543;
constexpr std::uint64_t kMessageQueue = 0x19800202;

constexpr std::array<std::uint64_t, 14> kInterfaces = {
    PROC_SUPER_MAGIC, SYSFS_MAGIC,   DEVPTS_SUPER_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
    DEBUGFS_MAGIC,    TRACEFS_MAGIC, SECURITYFS_MAGIC,   BPF_FS_MAGIC,       NSFS_MAGIC,
    BINFMTFS_MAGIC,   kConfigFs,     kFuseControl,       kMessageQueue,
};

} // namespace

bool HostGuard::device_allowed(int fd, dev_t device) {
  LockGuard lock(mutex_);
  if (auto found = known_.find(device); found != known_.end()) return found->second;
  struct statfs fs{};
  bool allowed =
      ::fstatfs(fd, &fs) == 0 && std::ranges::find(kInterfaces, std::uint64_t(fs.f_type)) == kInterfaces.end();
  known_.emplace(device, allowed);
  return allowed;
}

bool HostGuard::allows(int fd, const struct stat &st) {
  // A device node can still be looked at (stat); opening it is refused where files are opened.
  return device_allowed(fd, st.st_dev);
}

} // namespace pagoda::kernel
