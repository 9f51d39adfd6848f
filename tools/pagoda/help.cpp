#include "tools/pagoda/help.hpp"

namespace pagoda::tools {

HelpFormatter::HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(34); }

std::string HelpFormatter::make_usage(const CLI::App *, std::string) const { return "Usage: pagoda " + usage_ + "\n"; }

std::string HelpFormatter::make_footer(const CLI::App *app) const {
  return app->get_footer(); // CLI11 puts an empty line before it
}

// A flag with an optional value: CLI11 writes its default in braces, people write [=VALUE].
std::string HelpFormatter::make_option_name(const CLI::Option *option, bool is_positional) const {
  std::string name = CLI::Formatter::make_option_name(option, is_positional);
  const auto open = name.find('{'), close = name.find('}');
  if (open == std::string::npos || close < open) return name;
  return name.replace(open, close - open + 1, "[=" + option->get_type_name() + "]");
}

// CLI11's own adds defaults and multiplicities that only its authors can read.
std::string HelpFormatter::make_option_opts(const CLI::Option *option) const {
  if (option->get_items_expected_min() == 0 || option->get_type_name().empty()) return {};
  return " " + option->get_type_name();
}

} // namespace pagoda::tools
