#include "guest/linux/syscall/identity/limits.hpp"

#include <algorithm>
#include <cerrno>

namespace pagoda::kernel {

int check_limit(int resource, const rlimit &current, const rlimit &wanted, bool privileged) {
  if (wanted.rlim_cur > wanted.rlim_max) return EINVAL;
  if (resource == RLIMIT_NOFILE && wanted.rlim_max > kMaxOpenFiles) return EPERM;
  if (wanted.rlim_max > current.rlim_max && !privileged) return EPERM;
  return 0;
}

space::Limits space_limits(const std::array<rlimit, RLIM_NLIMITS> &limits) {
  space::Limits result;
  result.address_space = limits[RLIMIT_AS].rlim_cur; // RLIM_INFINITY is all ones in both
  result.stack = limits[RLIMIT_STACK].rlim_cur;
  result.data = limits[RLIMIT_DATA].rlim_cur;
  return result;
}

std::array<rlimit, RLIM_NLIMITS> default_limits(std::uint64_t memory_bytes) {
  std::array<rlimit, RLIM_NLIMITS> limits;
  limits.fill({RLIM_INFINITY, RLIM_INFINITY});
  // Linux lets threads take an eighth of memory for their stacks of 16 KiB in the kernel.
  const rlim_t threads = std::clamp<rlim_t>(memory_bytes / (8 * 16384) / 2, 64, 32768);
  constexpr rlim_t kLocked = 8ull << 20;
  limits[RLIMIT_STACK] = {8ull << 20, RLIM_INFINITY};
  limits[RLIMIT_CORE] = {0, RLIM_INFINITY};
  limits[RLIMIT_NPROC] = {threads, threads};
  limits[RLIMIT_NOFILE] = {1024, kMaxOpenFiles};
  limits[RLIMIT_MEMLOCK] = {kLocked, kLocked};
  limits[RLIMIT_SIGPENDING] = {threads, threads};
  limits[RLIMIT_MSGQUEUE] = {819200, 819200};
  limits[RLIMIT_NICE] = {0, 0};
  limits[RLIMIT_RTPRIO] = {0, 0};
  return limits;
}

} // namespace pagoda::kernel
