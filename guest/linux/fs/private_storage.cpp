#include "guest/linux/fs/private_storage.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/mount.h>
#include <sys/syscall.h>

namespace pagoda::kernel {
namespace {

UniqueFd detached_tmpfs() {
  UniqueFd context(int(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.valid()) return {};
  ::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "mode", "0700", 0);
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return UniqueFd(int(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)));
}

} // namespace

std::expected<PrivateStorage, std::string> PrivateStorage::create() {
  if (UniqueFd root = detached_tmpfs(); root.valid()) return PrivateStorage(std::move(root), "");
  const char *base = ::getenv("TMPDIR");
  std::string path = std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/pagoda-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return std::unexpected(path + ": " + std::strerror(errno));
  UniqueFd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return std::unexpected(path + ": " + std::strerror(errno));
  return PrivateStorage(std::move(root), path);
}

PrivateStorage::~PrivateStorage() {
  if (!root_.valid() || detached()) return;
  std::error_code ignored; // nothing more can be done about a file that will not go
  std::filesystem::remove_all(host_path_, ignored);
}

UniqueFd PrivateStorage::make_directory(const char *name, mode_t mode) {
  if (::mkdirat(root_.get(), name, 0700) != 0) return {};
  if (::fchmodat(root_.get(), name, mode, 0) != 0) return {};
  return UniqueFd(::openat(root_.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

} // namespace pagoda::kernel
