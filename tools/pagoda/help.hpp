// How help is laid out: usage as the command's table says it, options in two columns.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace pagoda::tools {

class HelpFormatter : public CLI::Formatter {
public:
  explicit HelpFormatter(std::string usage);
  std::string make_usage(const CLI::App *app, std::string name) const override;
  std::string make_footer(const CLI::App *app) const override;
  std::string make_option_name(const CLI::Option *option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option *option) const override;

private:
  std::string usage_;
};

} // namespace pagoda::tools
