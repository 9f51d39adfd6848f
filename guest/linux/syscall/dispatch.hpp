// From a system call exit to its handler and its result.
#pragma once

#include <optional>

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel {

// Takes number and arguments from the registers.
void begin_system_call(Kernel &kernel, Task &task);
// Calls the handler; what the task has to wait for, or nothing when the call is over.
std::optional<WaitFor> invoke_system_call(Kernel &kernel, Task &task, Wake woken);
// A signal ended a restartable wait: the call is over, its result is settled with the delivery.
void abandon_system_call(Kernel &kernel, Task &task);
// The abandoned call is executed again, without a trace for the program.
void restart_system_call(Task &task);
// The abandoned call returns -EINTR.
void interrupt_system_call(Task &task);

} // namespace pagoda::kernel
