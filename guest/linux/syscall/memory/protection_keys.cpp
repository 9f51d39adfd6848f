// Protection keys: a processor without them.
#include <cerrno>

#include "guest/linux/syscall/memory/handlers.hpp"

namespace pagoda::kernel::memory {

SysResult do_pkey_alloc(Call &call) {
  constexpr std::uint64_t kRights = 3; // PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE
  if (call.arg(0) != 0 || (call.arg(1) & ~kRights) != 0) return SysResult::error(EINVAL);
  return SysResult::error(ENOSPC);
}

SysResult do_pkey_free(Call & /*call*/) { return SysResult::error(EINVAL); }

// Key -1 means plain mprotect; no other key was ever given out.
SysResult do_pkey_mprotect(Call &call) {
  if (call.arg_int(3) != -1) return SysResult::error(EINVAL);
  return do_mprotect(call);
}

} // namespace pagoda::kernel::memory
