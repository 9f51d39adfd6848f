#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "tools/pagoda/command.hpp"
#include "tools/pagoda/control/vm_table.hpp"
#include "tools/pagoda/control/vms.hpp"

namespace pagoda::tools {

Action configure_ps(CLI::App &app) {
  struct Arguments {
    bool json = false, quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  app.add_flag("--json", arguments->json, "Print a JSON array instead of a table");
  app.add_flag("-q,--quiet", arguments->quiet, "Print the ids alone, one a line");
  return [arguments](const Rest &) {
    const auto vms = running_vms();
    if (arguments->quiet)
      for (const FoundVm &vm : vms) fmt::print("{}\n", vm.id);
    else
      fmt::print("{}", arguments->json ? vm_json(vms) : vm_table(vms));
    return 0;
  };
}

} // namespace pagoda::tools
