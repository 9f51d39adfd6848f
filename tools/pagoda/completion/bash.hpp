// A bash completion script, read off the CLI11 tree so that it cannot go stale.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace pagoda::tools {

[[nodiscard]] std::string bash_completion(const CLI::App &root);

} // namespace pagoda::tools
