#include "guest/linux/fs/unix_names.hpp"

namespace pagoda::kernel {

void UnixNames::remember(const std::string &host, const std::string &guest) {
  LockGuard lock(mutex_);
  if (names_.size() >= kMost) names_.clear(); // only names of sockets long closed can be that many
  names_[host] = guest;
}

std::string UnixNames::guest_name(const std::string &host) const {
  LockGuard lock(mutex_);
  auto found = names_.find(host);
  return found != names_.end() ? found->second : host;
}

} // namespace pagoda::kernel
