#include "tools/pagoda/nested.hpp"

#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "tools/pagoda/help.hpp"

namespace pagoda::tools {
namespace {

struct Nested {
  const CLI::App *app;
  Action action;
};

int ask_for_one(const std::string &name, const std::vector<Nested> &nested) {
  std::string names;
  for (const Nested &one : nested) names += (names.empty() ? "" : ", ") + one.app->get_name();
  fmt::print(stderr, "pagoda: {}: say what: {}; see `pagoda {} --help`\n", name, names, name);
  return kExitOwnError;
}

} // namespace

Action configure_nested(CLI::App &app, std::span<const Command> table) {
  auto nested = std::make_shared<std::vector<Nested>>();
  for (const Command &command : table) {
    CLI::App *sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    sub->set_help_flag("-h,--help", "Show this help");
    sub->formatter(std::make_shared<HelpFormatter>(std::string(command.usage)));
    if (!command.examples.empty()) sub->footer("Examples:\n" + std::string(command.examples));
    nested->push_back({sub, command.configure(*sub)});
  }
  app.require_subcommand(0, 1);
  return [nested, name = app.get_name()](const Rest &rest) {
    for (const Nested &one : *nested)
      if (one.app->parsed()) return one.action(rest);
    return ask_for_one(name, *nested);
  };
}

const CLI::App *named_app(const CLI::App &app) {
  const auto named = app.get_subcommands([](const CLI::App *child) { return child->parsed(); });
  return named.empty() ? nullptr : named.front();
}

} // namespace pagoda::tools
