// Entering a handler and coming back: the frame on the program's stack.
//
// Source: Linux arch/x86/kernel/signal_64.c as behaviour, System V ABI (AMD64) 3.2.2 (red zone) and
// 3.4.1. Touches guest memory: without locks, on the task's own vCPU thread.
#pragma once

#include "guest/linux/kernel.hpp"
#include "guest/linux/signal/signal_state.hpp"

namespace pagoda::kernel {

// Builds the frame and points the registers at the handler; false when the stack cannot be written
// or the action has no restorer, with the registers as they were.
[[nodiscard]] bool enter_handler(Kernel &kernel, Task &task, const SignalInfo &info, const SignalAction &action,
                                 SignalSet saved_mask);
// rt_sigreturn: restores registers, vector state, alternate stack; returns the mask to restore.
// Nothing when the frame cannot be read or would make the processor refuse to go on.
[[nodiscard]] std::optional<SignalSet> leave_handler(Kernel &kernel, Task &task);

[[nodiscard]] bool on_alternate_stack(const AlternateStack &stack, std::uint64_t rsp);

// The task's vector state, up to date in memory. And after it was changed there: the vCPU's is stale.
FpuState &sync_fpu(Kernel &kernel, Task &task);
void fpu_changed(Kernel &kernel, Task &task);

} // namespace pagoda::kernel
