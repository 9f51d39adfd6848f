#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_buddyinfo(CLI::App &app) {
  struct Arguments : FiguresArguments {
    bool fragmentation = false;
  };
  auto arguments = std::make_shared<Arguments>();
  add_figures_options(app, *arguments);
  app.add_flag("--fragmentation", arguments->fragmentation,
               "By order: the share of free memory that such a request cannot use, and why it would fail");
  return [arguments](const Rest &) {
    return print_figures(*arguments, "buddyinfo", {{"fragmentation", arguments->fragmentation}});
  };
}

} // namespace pagoda::tools
