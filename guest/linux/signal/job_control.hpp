// Stopping and continuing processes, and telling parents what became of their children.
//
// Source: signal(7), wait(2), POSIX job control. A stopped process's parked threads stay parked;
// what wakes them meanwhile is kept until it continues. The parent is told of a stop once no thread
// runs any more. All with Kernel::mutex held.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

void stop_process(Kernel &kernel, Process &process, int signal) PAGODA_REQUIRES(kernel.mutex);
void continue_process(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex);
// A thread has left its vCPU: when it was the last one of a process that stops, the parent is told.
void announce_stop(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex);

// SIGCHLD (or what clone asked for) with the right siginfo, and a wake-up for wait4. `code` is one of
// CLD_EXITED, CLD_KILLED, CLD_STOPPED, CLD_CONTINUED…; `status` is the exit code or the signal.
void notify_parent(Kernel &kernel, Process &child, int code, int status) PAGODA_REQUIRES(kernel.mutex);
// The siginfo of such a change, for waitid too.
[[nodiscard]] SignalInfo child_info(const Process &child, int code, int status);

} // namespace pagoda::kernel
