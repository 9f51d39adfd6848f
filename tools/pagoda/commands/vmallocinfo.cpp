#include "tools/pagoda/control/figures.hpp"

namespace pagoda::tools {

Action configure_vmallocinfo(CLI::App &app) { return figures_command(app, "vmallocinfo"); }

} // namespace pagoda::tools
