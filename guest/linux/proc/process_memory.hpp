// Files of /proc/PID whose text lies in the process's own memory: cmdline, environ, auxv.
#pragma once

#include <string>

#include "guest/linux/proc/snapshot.hpp"

namespace pagoda::kernel {

// Arguments, each ended by NUL. A program that wrote over them past their end (setproctitle) shows
// what it wrote, as far as the environment's area reaches.
[[nodiscard]] std::string command_line(const ProcessFigures &figures);
[[nodiscard]] std::string environment(const ProcessFigures &figures);
[[nodiscard]] std::string auxiliary_vector(const ProcessFigures &figures);

} // namespace pagoda::kernel
