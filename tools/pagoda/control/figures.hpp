// Commands that ask one question and print the answer: text as the VM wrote it, or its figures as JSON.
#pragma once

#include <memory>
#include <string>

#include "tools/pagoda/command.hpp"
#include "vmm/control/protocol.hpp"

namespace pagoda::tools {

struct FiguresArguments {
  std::string vm;
  bool json = false;
};

// VM and --json.
void add_figures_options(CLI::App &app, FiguresArguments &arguments);
// Prints {"text":…, "figures":…}; the exit code.
int print_figures(const FiguresArguments &arguments, const std::string &ask,
                  const vmm::control::Json &with = vmm::control::Json::object());
// The whole command, where it has no options of its own.
[[nodiscard]] Action figures_command(CLI::App &app, std::string ask);

// "pagoda: …" on standard error, and the exit code for it.
int own_error(std::string_view sentence);

} // namespace pagoda::tools
