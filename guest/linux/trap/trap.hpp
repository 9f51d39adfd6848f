// Exits that are not system calls: page faults and processor exceptions, resolved or turned into
// signals.
//
// Source: Intel SDM vol. 3 ch. 6 (vectors), sigaction(2) (si_code), Linux arch/x86/kernel/traps.c as
// behaviour. Called on the task's own vCPU thread, without locks.
#pragma once

#include "guest/linux/cpu.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

void handle_page_fault(Kernel &kernel, Task &task, const VmExit &exit);
void handle_exception(Kernel &kernel, Task &task, const VmExit &exit);

// Memory is exhausted: the process that wanted more is killed, and the reason is printed.
void kill_out_of_memory(Kernel &kernel, Task &task, Gva address);

} // namespace pagoda::kernel
