// Which child a wait call is about, and what it has to report: the one engine behind wait4 and waitid.
//
// Source: wait(2), POSIX.1-2017 waitid, Linux kernel/exit.c as behaviour.
#pragma once

#include <optional>

#include "guest/linux/kernel.hpp"

namespace pagoda::kernel::process {

struct ChildFilter {
  enum class By : std::uint8_t { Any, Pid, Group } by = By::Any;
  std::uint32_t id = 0;
  int options = 0; // WEXITED, WSTOPPED (= WUNTRACED), WCONTINUED, WNOWAIT, WNOHANG, __WALL, __WCLONE
};

struct ChildReport {
  std::uint32_t pid = 0;
  std::uint32_t uid = 0;
  int wait_status = 0; // as wait4 gives it
  int code = 0;        // CLD_*
  int status = 0;      // exit code or signal, as waitid gives it
  rusage usage{};
};

struct ChildSearch {
  bool any = false; // there is a child that could report some day
  std::optional<ChildReport> report;
};

// Looks for something to report, and takes it unless WNOWAIT is given: a zombie is reaped.
ChildSearch find_report(Kernel &kernel, Process &parent, const ChildFilter &filter) PAGODA_REQUIRES(kernel.mutex);

} // namespace pagoda::kernel::process
