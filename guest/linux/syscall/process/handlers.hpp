// Handlers of the process family, by file; process.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::process {

SysResult do_clone(Call &call); // clone_calls.cpp
SysResult do_clone3(Call &call);
SysResult do_fork(Call &call);
SysResult do_vfork(Call &call);

SysResult do_execve(Call &call); // exec.cpp
SysResult do_execveat(Call &call);

SysResult do_exit(Call &call); // exit.cpp
SysResult do_exit_group(Call &call);

SysResult do_wait4(Call &call); // wait.cpp
SysResult do_waitid(Call &call);

SysResult do_getpid(Call &call); // ids.cpp
SysResult do_gettid(Call &call);
SysResult do_getppid(Call &call);
SysResult do_set_tid_address(Call &call);

SysResult do_prctl(Call &call);      // prctl.cpp
SysResult do_arch_prctl(Call &call); // arch_prctl.cpp

} // namespace pagoda::kernel::process
