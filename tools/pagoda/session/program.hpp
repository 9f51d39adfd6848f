// From the command line to what the kernel starts: environment, working directory, and the lookup of
// PROGRAM as a shell does it, but inside the guest's file system.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "guest/linux/kernel.hpp"
#include "tools/pagoda/options/run_options.hpp"

namespace pagoda::tools {

struct StartFailure {
  int exit_code = 0; // 125, 126 or 127
  std::string sentence;
};

// `host`: the environment to begin with; --clean-env empties it, --env adds and replaces.
[[nodiscard]] std::vector<std::string> guest_environment(const RunOptions &options, const char *const *host);

// Where the program begins: --workdir; else the host's working directory where the guest sees it
// under the same name (root is /); else /.
[[nodiscard]] std::string working_directory(const RunOptions &options, const std::string &host_directory);

// A program under a directory that the guest has its own of (/tmp and the like) would be hidden from
// it: binds that one file, read-only, at its own path. Everything else there stays hidden.
[[nodiscard]] RunOptions show_program(RunOptions options, const std::string &host_directory);

// Finds PROGRAM: with a slash relative to the working directory, without one along PATH.
[[nodiscard]] std::expected<kernel::ProgramRequest, StartFailure>
find_program(kernel::MountTable &mounts, const RunOptions &options, const char *const *host_environment);

// The sentence and the exit code for an errno about a program, or about the interpreter that it names.
[[nodiscard]] StartFailure start_failure(int error, const std::string &what, const RunOptions &options,
                                         const std::string &interpreter = {});

} // namespace pagoda::tools
