// Acting on one pending signal, on the way back to user code.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// Takes the next deliverable signal: discards it, stops or ends the process, or enters the handler.
// Called on the task's own vCPU thread, without locks.
void deliver_signal(Kernel &kernel, Task &task);
// A handler that cannot be entered, or a frame that cannot be returned through.
void refuse_handler(Kernel &kernel, Task &task, int signal) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
