// What the control socket answers to "stat": the report of `run --stats`, of a run that still goes on.
#pragma once

#include "guest/linux/kernel.hpp"
#include "tools/pagoda/options/run_options.hpp"
#include "vmm/control/handlers.hpp"
#include "vmm/process_vm.hpp"

namespace pagoda::tools {

// All three outlive the handler.
[[nodiscard]] vmm::control::Handler stat_handler(const RunOptions &options, kernel::Kernel &kernel, vmm::ProcessVm &vm);

} // namespace pagoda::tools
