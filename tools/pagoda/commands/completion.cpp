#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "tools/pagoda/command_line.hpp"
#include "tools/pagoda/completion/bash.hpp"

namespace pagoda::tools {

Action configure_completion(CLI::App &app) {
  auto shell = std::make_shared<std::string>();
  app.add_option("SHELL", *shell, "The shell: bash")->type_name("bash");
  return [shell](const Rest &) {
    if (*shell != "bash") {
      fmt::print(stderr, "pagoda: completion: {}; write `pagoda completion bash`\n",
                 shell->empty() ? std::string("no shell was named") : fmt::format("\"{}\" is not supported", *shell));
      return kExitOwnError;
    }
    CommandTree tree;
    fmt::print("{}", bash_completion(tree.app()));
    return 0;
  };
}

} // namespace pagoda::tools
