// mlock(2) and its kin. Nothing here is ever paged out, so a lock is a promise already kept; what
// remains is the check against RLIMIT_MEMLOCK and making the pages present.
#include <cerrno>
#include <sys/mman.h>

#include "guest/linux/process.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/populate.hpp"
#include "guest/linux/syscall/memory/residency.hpp"

namespace pagoda::kernel::memory {

namespace {

// mlock takes any address: the range is all pages that hold part of it.
std::expected<GvaRange, int> pages_of(const Call &call) {
  const std::uint64_t offset = call.arg(0) & kPageMask;
  const std::uint64_t length = call.arg(1) + offset;
  if (length < call.arg(1)) return unexpected(EINVAL);
  auto range = decode_range(call.arg(0) - offset, length, EINVAL, EINVAL);
  if (range && !kUserSpace.contains(*range)) return unexpected(ENOMEM);
  return range;
}

// Linux: a limit of 0 forbids it altogether, a larger one bounds the sum.
int check_limit(const Process &process, std::uint64_t bytes) {
  if (process.credentials.euid == 0) return 0;
  const rlim_t limit = process.limits[RLIMIT_MEMLOCK].rlim_cur;
  if (limit == 0) return EPERM;
  return bytes <= limit ? 0 : ENOMEM;
}

SysResult lock_range(Call &call, bool populate_now) {
  const auto range = pages_of(call);
  if (!range) return SysResult::error(range.error());
  if (range->empty()) return 0;
  if (const int error = check_limit(call.process, range->length()); error != 0) return SysResult::error(error);
  space::Space &space = *call.process.space;
  if (!fully_mapped(space, *range)) return SysResult::error(ENOMEM);
  if (populate_now && !populate_by_rights(call, *range)) return SysResult::error(EAGAIN);
  return 0;
}

} // namespace

SysResult do_mlock(Call &call) { return lock_range(call, true); }

SysResult do_mlock2(Call &call) {
  constexpr unsigned kOnFault = 1; // MLOCK_ONFAULT
  if ((call.arg_uint(2) & ~kOnFault) != 0) return SysResult::error(EINVAL);
  return lock_range(call, (call.arg_uint(2) & kOnFault) == 0);
}

SysResult do_munlock(Call &call) {
  const auto range = pages_of(call);
  if (!range) return SysResult::error(range.error());
  if (range->empty() || fully_mapped(*call.process.space, *range)) return 0;
  return SysResult::error(ENOMEM);
}

SysResult do_mlockall(Call &call) {
  const int flags = call.arg_int(0);
  constexpr int kOnFault = 4; // MCL_ONFAULT
  if (flags == 0 || flags == kOnFault || (flags & ~(MCL_CURRENT | MCL_FUTURE | kOnFault)) != 0)
    return SysResult::error(EINVAL);
  space::Space &space = *call.process.space;
  const std::uint64_t bytes = (flags & MCL_CURRENT) != 0 ? space.usage().virtual_pages << kPageShift : 0;
  if (const int error = check_limit(call.process, bytes); error != 0) return SysResult::error(error);
  if ((flags & MCL_CURRENT) != 0 && (flags & kOnFault) == 0) (void)populate_by_rights(call, kUserSpace);
  return 0;
}

SysResult do_munlockall(Call & /*call*/) { return 0; }

} // namespace pagoda::kernel::memory
