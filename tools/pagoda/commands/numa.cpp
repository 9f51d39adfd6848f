#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_numa(CLI::App &app) { return figures_command(app, "numa"); }

} // namespace pagoda::tools
