// The end of threads and processes.
//
// A process ends in two steps. `begin_group_exit` fixes how it ended and sends every thread to its
// end; each dies on a vCPU's thread in `end_task`; the last one gives back the process's memory and
// descriptors and leaves a zombie for its parent, or nothing when the parent does not care.
//
// Source: exit_group(2), wait(2), Linux kernel/exit.c as behaviour.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// `wait_status` as wait4 gives it: exit code << 8, or the signal. The first caller decides.
void begin_group_exit(Kernel &kernel, Process &process, int wait_status) PAGODA_REQUIRES(kernel.mutex);
constexpr int exited_status(int code) { return (code & 0xff) << 8; }

// Ends the thread that the calling vCPU thread runs. It does not exist any more afterwards, nor may
// its process.
void end_task(Kernel &kernel, Task &task);

// Sends every thread but `survivor` to its end (execve).
void kill_other_threads(Kernel &kernel, Task &survivor) PAGODA_REQUIRES(kernel.mutex);
// Wakes the parent that waits in vfork, if any.
void release_vfork_parent(Kernel &kernel, Task &child) PAGODA_REQUIRES(kernel.mutex);

// Takes a zombie out of the tables and adds its usage to its parent's account.
void reap(Kernel &kernel, Process &zombie) PAGODA_REQUIRES(kernel.mutex);
// The space is about to go; its high-water mark stays with the process.
void note_usage(Kernel &kernel, Process &process);
void add_usage(rusage &sum, const rusage &part);

// Init has ended, or the run was ended from outside: everything is killed.
void kill_everything(Kernel &kernel) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
