// Commands of two words, `pagoda measure alloc`: the second word has a table of its own.
#pragma once

#include <span>

#include "tools/pagoda/command.hpp"

namespace pagoda::tools {

// Adds a subcommand for each; the action runs the one that was named. None named, or another: a
// sentence. The table outlives the tree.
Action configure_nested(CLI::App &app, std::span<const Command> table);

// The subcommand that the words named; null when there is none.
[[nodiscard]] const CLI::App *named_app(const CLI::App &app);

} // namespace pagoda::tools
