// For calls whose length a guest chooses: they ask now and then whether anybody still wants them.
#pragma once

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel {

[[nodiscard]] inline bool is_dying(const Call &call) {
  const LockGuard guard(call.kernel.mutex);
  return call.task.exiting;
}

} // namespace pagoda::kernel
