// Handlers of the identity family, by file; identity.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::identity {

SysResult do_getuid(Call &call); // ids.cpp
SysResult do_geteuid(Call &call);
SysResult do_getgid(Call &call);
SysResult do_getegid(Call &call);
SysResult do_getresuid(Call &call);
SysResult do_getresgid(Call &call);
SysResult do_setuid(Call &call);
SysResult do_setgid(Call &call);
SysResult do_setreuid(Call &call);
SysResult do_setregid(Call &call);
SysResult do_setresuid(Call &call);
SysResult do_setresgid(Call &call);
SysResult do_setfsuid(Call &call);
SysResult do_setfsgid(Call &call);
SysResult do_getgroups(Call &call);
SysResult do_setgroups(Call &call);

SysResult do_capget(Call &call); // capability_calls.cpp
SysResult do_capset(Call &call);

SysResult do_getpgrp(Call &call); // sessions.cpp
SysResult do_getpgid(Call &call);
SysResult do_setpgid(Call &call);
SysResult do_getsid(Call &call);
SysResult do_setsid(Call &call);

SysResult do_getrlimit(Call &call); // limit_calls.cpp
SysResult do_setrlimit(Call &call);
SysResult do_prlimit64(Call &call);

SysResult do_uname(Call &call); // uts.cpp
SysResult do_sethostname(Call &call);
SysResult do_setdomainname(Call &call);

} // namespace pagoda::kernel::identity
