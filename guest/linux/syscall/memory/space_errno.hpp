// Errors of an address space as the errnos that the mmap family gives for them.
#pragma once

#include <cerrno>

#include "mmu/base/error.hpp"

namespace pagoda::kernel {

// `not_mapped` and `denied` differ by call: mprotect answers a hole with ENOMEM and a right beyond
// the file's with EACCES, mremap answers a hole with EFAULT.
[[nodiscard]] constexpr int space_errno(Error error, int not_mapped = ENOMEM, int denied = ENOMEM) {
  switch (error) {
  case Error::OutOfMemory:
  case Error::NoSpace: return ENOMEM;
  case Error::Exists: return EEXIST;
  case Error::NotMapped: return not_mapped;
  case Error::Invalid: return EINVAL;
  case Error::Denied: return denied;
  case Error::Io: return EIO;
  case Error::PastEnd: return EFAULT;
  case Error::Busy: return EAGAIN;
  case Error::Unsupported: return ENODEV;
  }
  return EINVAL;
}

} // namespace pagoda::kernel
