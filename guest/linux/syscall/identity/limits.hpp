// Resource limits: the rules of setrlimit(2), and what the memory manager needs to know of them.
#pragma once

#include <sys/resource.h>

#include "guest/linux/process.hpp"

namespace pagoda::kernel {

inline constexpr rlim_t kMaxOpenFiles = 1048576; // fs.nr_open

// Whether `wanted` may replace `current`; 0, EINVAL or EPERM. `privileged`: CAP_SYS_RESOURCE.
[[nodiscard]] int check_limit(int resource, const rlimit &current, const rlimit &wanted, bool privileged);

// The limits of an address space as a process' limits say.
[[nodiscard]] space::Limits space_limits(const std::array<rlimit, RLIM_NLIMITS> &limits);

// What a process starts with when nobody has set any: Linux's own defaults.
[[nodiscard]] std::array<rlimit, RLIM_NLIMITS> default_limits(std::uint64_t memory_bytes);

} // namespace pagoda::kernel
