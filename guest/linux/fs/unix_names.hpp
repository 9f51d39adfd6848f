// Guest names of bound unix sockets, by the address that the host has for them.
//
// A guest path is bound on the host as /proc/self/fd/N/name; getsockname, getpeername and the source
// of a datagram give that back, and the guest must see its own.
#pragma once

#include <map>
#include <string>

#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class UnixNames {
public:
  static constexpr std::size_t kMost = 65536;
  void remember(const std::string &host, const std::string &guest);
  [[nodiscard]] std::string guest_name(const std::string &host) const; // `host` itself when unknown

private:
  mutable Mutex mutex_;
  std::map<std::string, std::string> names_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
