// Sending signals: every one a guest gets goes through here.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// siginfo as kill, tkill or the kernel itself fills it.
[[nodiscard]] SignalInfo signal_info(int signal, int code, std::uint32_t sender_pid = 0, std::uint32_t sender_uid = 0);
[[nodiscard]] SignalInfo fault_info(int signal, int code, Gva address);

// To one thread, or to any thread of a process. Wakes, kicks, stops and continues as needed. False
// when the queue of real-time signals is full (sigqueue's EAGAIN).
bool send_to_task(Kernel &kernel, Task &task, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);
bool send_to_process(Kernel &kernel, Process &process, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);
// To every process of a group; how many there were.
unsigned send_to_group(Kernel &kernel, std::uint32_t group, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);
// A fault's signal, which cannot wait: one that is blocked or ignored gets its default action.
void force_signal(Kernel &kernel, Task &task, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);

// Wakes a thread for each pending signal of the process that somebody can take: after a mask has
// changed or a thread has ended.
void offer_pending(Kernel &kernel, Process &process) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
