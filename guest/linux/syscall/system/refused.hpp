// Calls that an unprivileged container refuses, as data: a number, a name and the errno it gets.
#pragma once

#include <span>

#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::span<const SyscallEntry> refused_calls();

} // namespace pagoda::kernel
