#include <cstdio>

#include <fmt/format.h>

#include "tools/pagoda/command_line.hpp"

namespace pagoda::tools {

Action configure_version(CLI::App &) {
  return [](const Rest &) {
    fmt::print("pagoda {}\n", kVersion);
    return 0;
  };
}

} // namespace pagoda::tools
