#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_zoneinfo(CLI::App &app) { return figures_command(app, "zoneinfo"); }

} // namespace pagoda::tools
