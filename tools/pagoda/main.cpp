#include <string>
#include <vector>

#include "tools/pagoda/command_line.hpp"

int main(int argc, char **argv) {
  return pagoda::tools::CommandTree().run(std::vector<std::string>(argv + 1, argv + argc));
}
