// Handlers of the futex family, by file; futex.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::futexes {

SysResult do_futex(Call &call); // futex_call.cpp

SysResult do_set_robust_list(Call &call); // robust_list.cpp
SysResult do_get_robust_list(Call &call);

SysResult do_membarrier(Call &call); // membarrier.cpp

} // namespace pagoda::kernel::futexes
