#include "guest/linux/fs/host_guard.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <linux/magic.h>
#include <string>
#include <string_view>
#include <sys/vfs.h>
#include <unistd.h>

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
  return !is_hidden(fd, st) && device_allowed(fd, st.st_dev);
}

bool HostGuard::is_hidden(int fd, const struct stat &st) const {
  const auto hides = [this](const struct stat &s) {
    return std::ranges::find(hidden_, DirectoryIdentity{s.st_dev, s.st_ino}) != hidden_.end();
  };
  if (S_ISDIR(st.st_mode)) return hides(st);
  if (!S_ISSOCK(st.st_mode) || hidden_.empty()) return false;
  // One openat2 came here without passing through the directory: ask the host where this is.
  std::array<char, PATH_MAX> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size() - 1);
  struct stat parent{};
  if (size <= 0) return true;
  const std::string_view name(path.data(), std::size_t(size));
  const std::string directory(name.substr(0, name.find_last_of('/') + 1));
  return ::stat(directory.c_str(), &parent) == 0 && hides(parent);
}

} // namespace pagoda::kernel
