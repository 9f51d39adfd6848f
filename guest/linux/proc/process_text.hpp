// Text of the files below /proc/PID, made from figures (proc_pid_stat(5) and its neighbours).
#pragma once

#include <string>

#include "guest/linux/proc/snapshot.hpp"

namespace pagoda::kernel {

[[nodiscard]] std::string stat_text(const ProcessFigures &figures); // process_stat.cpp
[[nodiscard]] std::string statm_text(const ProcessFigures &figures);
[[nodiscard]] std::string status_text(const ProcessFigures &figures); // process_status.cpp
[[nodiscard]] std::string limits_text(const ProcessFigures &figures); // process_limits.cpp

// Badness as Linux computes it: of `total_pages` of memory.
[[nodiscard]] std::uint64_t oom_score(const ProcessFigures &figures, std::uint64_t total_pages);

} // namespace pagoda::kernel
