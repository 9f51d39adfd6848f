#include "tools/pagoda/help.hpp"

namespace pagoda::tools {

HelpFormatter::HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(34); }

std::string HelpFormatter::make_usage(const CLI::App *, std::string) const { return "Usage: pagoda " + usage_ + "\n"; }

std::string HelpFormatter::make_footer(const CLI::App *app) const {
  const std::string footer = app->get_footer();
  return footer.empty() ? footer : "\n" + footer;
}

// CLI11's own adds defaults and multiplicities that only its authors can read.
std::string HelpFormatter::make_option_opts(const CLI::Option *option) const {
  if (option->get_type_size() == 0 || option->get_type_name().empty()) return {};
  return " " + option->get_type_name();
}

} // namespace pagoda::tools
