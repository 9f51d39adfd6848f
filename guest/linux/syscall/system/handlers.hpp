// Handlers of the system family, by file; system.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::system_info {

SysResult do_sysinfo(Call &call); // info.cpp
SysResult do_getrusage(Call &call);
SysResult do_getcpu(Call &call);
SysResult do_personality(Call &call);
SysResult do_getrandom(Call &call);

} // namespace pagoda::kernel::system_info
