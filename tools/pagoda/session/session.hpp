// One `pagoda run`: builds the VM and its kernel, runs the program, reports, tidies up.
#pragma once

#include "tools/pagoda/options/run_options.hpp"

namespace pagoda::tools {

// The exit code: the guest's, or 124 to 127 as command.hpp says. Errors are printed.
int run_session(const RunOptions &options);

} // namespace pagoda::tools
