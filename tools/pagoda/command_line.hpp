// From argv to a command's action: the CLI11 tree, where options end, and errors as sentences.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/pagoda/command.hpp"

namespace pagoda::tools {

inline constexpr std::string_view kVersion = "0.1.0";

// The whole tree, built from `commands()`; completion and help are read off it.
class CommandTree {
public:
  CommandTree();
  [[nodiscard]] CLI::App &app() { return *app_; }
  // Parses and runs; the exit code. `arguments` without the program's own name.
  int run(std::vector<std::string> arguments);

private:
  std::unique_ptr<CLI::App> app_;
  std::vector<Action> actions_; // as in commands()
};

// Where the options of `app` end: the index of the first word that is neither an option nor an
// option's value. "--" is skipped by `after`.
struct OptionsEnd {
  std::size_t end = 0;   // options are [0, end)
  std::size_t after = 0; // the rest is [after, size)
};
[[nodiscard]] OptionsEnd options_end(const CLI::App &app, std::span<const std::string> arguments);

// One sentence for a parse error: names the option, suggests the nearest one that exists.
[[nodiscard]] std::string explain(const CLI::App &app, const CLI::ParseError &error,
                                  std::span<const std::string> arguments);

} // namespace pagoda::tools
