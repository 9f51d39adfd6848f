#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_slabinfo(CLI::App &app) { return figures_command(app, "slabinfo"); }

} // namespace pagoda::tools
