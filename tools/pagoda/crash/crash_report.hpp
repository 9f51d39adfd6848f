// What a guest's fatal signal looked like, for a person: signal, registers, the faulting instruction
// (Capstone), the area and its neighbours, the page-table walk, a backtrace.
//
// The program is hostile: every table read from its files or memory is bounded, and a report that
// cannot be completed says so and ends.
#pragma once

#include <string>

#include "guest/linux/kernel.hpp"

namespace pagoda::tools {

// Called before anything of the process is torn down. Takes no lock of the kernel.
[[nodiscard]] std::string crash_report(const kernel::Crash &crash);

// "SIGSEGV", "SEGV_MAPERR: no mapping at this address"; si_code's meaning depends on the signal.
[[nodiscard]] std::string signal_name(int signal);
[[nodiscard]] std::string signal_code(int signal, int code);

} // namespace pagoda::tools
