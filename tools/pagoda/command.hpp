// The subcommands of `pagoda`, one file each in commands/, listed once in command.cpp.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/pagoda/exit_codes.hpp"

namespace pagoda::tools {

// What is left of the command line where a command's options end (`run`: PROGRAM and its arguments).
using Rest = std::vector<std::string>;
// Runs the command after its options were parsed; the exit code.
using Action = std::function<int(const Rest &)>;

struct Command {
  std::string_view name;
  std::string_view summary;
  std::string_view usage;    // after "pagoda "
  std::string_view examples; // one a line
  // Options end at the first word that is not one: the rest is somebody else's command line.
  bool takes_rest = false;
  Action (*configure)(CLI::App &app) = nullptr;
};

[[nodiscard]] std::span<const Command> commands();

// Defined in commands/<name>.cpp.
Action configure_run(CLI::App &app);
Action configure_ps(CLI::App &app);
Action configure_stat(CLI::App &app);
Action configure_buddyinfo(CLI::App &app);
Action configure_zoneinfo(CLI::App &app);
Action configure_pagetypeinfo(CLI::App &app);
Action configure_slabinfo(CLI::App &app);
Action configure_vmallocinfo(CLI::App &app);
Action configure_numa(CLI::App &app);
Action configure_pages(CLI::App &app);
Action configure_measure(CLI::App &app);
Action configure_report(CLI::App &app);
Action configure_doctor(CLI::App &app);
Action configure_completion(CLI::App &app);
Action configure_version(CLI::App &app);

} // namespace pagoda::tools
