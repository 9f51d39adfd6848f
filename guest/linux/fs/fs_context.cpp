#include "guest/linux/fs/fs_context.hpp"

namespace pagoda::kernel {

FsContext::FsContext(const FsContext &other) : cwd_(other.cwd()), umask_(other.umask()) {}

std::string FsContext::cwd() const {
  LockGuard lock(mutex_);
  return cwd_;
}

void FsContext::set_cwd(std::string path) {
  LockGuard lock(mutex_);
  cwd_ = std::move(path);
}

mode_t FsContext::umask() const {
  LockGuard lock(mutex_);
  return umask_;
}

mode_t FsContext::exchange_umask(mode_t mask) {
  LockGuard lock(mutex_);
  return std::exchange(umask_, mask & 0777);
}

} // namespace pagoda::kernel
