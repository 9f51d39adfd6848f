// Making threads and processes, whatever call asks for it (clone(2), clone3, fork, vfork).
#pragma once

#include <cstdint>

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::process {

struct CloneRequest {
  std::uint64_t flags = 0; // CLONE_*, without the exit signal
  int exit_signal = 0;
  std::uint64_t stack = 0; // initial rsp; 0: the caller's
  Gva parent_tid{};
  Gva child_tid{};
  std::uint64_t tls = 0;
};

// Returns the child's tid, after it has exec'ed or ended where CLONE_VFORK is given. To be called
// again when that wait is over.
SysResult clone(Call &call, const CloneRequest &request);

} // namespace pagoda::kernel::process
