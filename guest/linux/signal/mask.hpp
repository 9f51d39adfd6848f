// The signals a task blocks. All with Kernel::mutex held.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// SIGKILL and SIGSTOP stay unblocked whatever is asked. What this task no longer takes is offered to
// the other threads of the process.
void set_blocked(Kernel &kernel, Task &task, SignalSet blocked) PAGODA_REQUIRES(kernel.mutex);
// For the time of one call (sigsuspend, ppoll, pselect, epoll_pwait): the old mask comes back when
// the call ends, or after the handler that ended it. Only on the call's first invocation.
void set_temporary_mask(Kernel &kernel, Task &task, SignalSet blocked) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
