// Handlers of the signal family, by file; signal.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::signals {

SysResult do_rt_sigaction(Call &call); // action.cpp
SysResult do_sigaltstack(Call &call);
SysResult do_rt_sigreturn(Call &call);

SysResult do_rt_sigprocmask(Call &call); // mask_calls.cpp
SysResult do_rt_sigpending(Call &call);
SysResult do_rt_sigsuspend(Call &call);
SysResult do_pause(Call &call);

SysResult do_rt_sigtimedwait(Call &call); // timed_wait.cpp

SysResult do_kill(Call &call); // kill.cpp
SysResult do_tkill(Call &call);
SysResult do_tgkill(Call &call);
SysResult do_rt_sigqueueinfo(Call &call);
SysResult do_rt_tgsigqueueinfo(Call &call);

} // namespace pagoda::kernel::signals
