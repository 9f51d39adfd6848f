#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_pages(CLI::App &app) {
  struct Arguments : FiguresArguments {
    std::string by = "owner";
  };
  auto arguments = std::make_shared<Arguments>();
  add_figures_options(app, *arguments);
  app.add_option("--by", arguments->by, "What the pages are counted by (default owner)")->type_name("owner|zone|kind");
  return [arguments](const Rest &) {
    if (arguments->by != "owner" && arguments->by != "zone" && arguments->by != "kind")
      return own_error("--by: \"" + arguments->by + "\" is unknown; give owner, zone or kind");
    return print_figures(*arguments, "pages", {{"by", arguments->by}});
  };
}

} // namespace pagoda::tools
