#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_pagetypeinfo(CLI::App &app) { return figures_command(app, "pagetypeinfo"); }

} // namespace pagoda::tools
