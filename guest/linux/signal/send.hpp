// Sending signals: every one a guest gets goes through here.
#pragma once

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

// siginfo as kill, tkill or the kernel itself fills it.
[[nodiscard]] SignalInfo signal_info(int signal, int code, std::uint32_t sender_pid = 0, std::uint32_t sender_uid = 0);
[[nodiscard]] SignalInfo fault_info(int signal, int code, Gva address);

// To one thread, or to any thread of a process. Wakes, kicks, stops and continues as needed.
void send_to_task(Kernel &kernel, Task &task, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);
void send_to_process(Kernel &kernel, Process &process, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);
// To every process of a group; how many there were.
unsigned send_to_group(Kernel &kernel, std::uint32_t group, const SignalInfo &info) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel
