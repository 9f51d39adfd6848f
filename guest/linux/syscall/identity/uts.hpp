// What uname(2) says, and /proc/version and /proc/sys/kernel with it.
#pragma once

#include <string>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

struct UtsNames {
  std::string system, node, release, version, machine, domain;
};
// Takes Kernel::mutex.
[[nodiscard]] UtsNames uts_names(Kernel &kernel);

// The longest host or domain name.
inline constexpr std::size_t kMaxName = 64;

} // namespace pagoda::kernel
