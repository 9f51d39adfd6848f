// What a thread owes its program when it ends: the robust futexes it held, and the word that
// pthread_join waits for.
//
// Source: get_robust_list(2), Linux Documentation/locking/robust-futex-ABI, set_tid_address(2).
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// Both touch guest memory: without locks, on the task's own vCPU thread.
void settle_user_words(Kernel &kernel, Task &task); // also before execve leaves the old space
void clean_up_thread(Kernel &kernel, Task &task);   // with whatever its parked call held
// The account of a thread whose object goes while its process goes on.
void add_to_dead(Process &process, const Task &task);
// Tells the parent that the process has ended; one that nobody waits for is erased at once.
void announce_end(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
