#include "tools/pagoda/command_line.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tools/pagoda/help.hpp"
#include "tools/pagoda/nested.hpp"
#include "tools/pagoda/spelling.hpp"

namespace pagoda::tools {
namespace {

int fail(const std::string &sentence) {
  fmt::print(stderr, "pagoda: {}\n", sentence);
  return kExitOwnError;
}

std::vector<std::string> option_names(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

const Command *find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::ranges::find(all, name, &Command::name);
  return found == all.end() ? nullptr : &*found;
}

// CLI11 takes arguments from the back.
void parse(CLI::App &app, std::span<const std::string> arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  app.parse(std::move(reversed));
}

// Where a second word names what to do, this one may be a misspelt one.
std::string one_word_too_many(const CLI::App &app, const std::string &word, const std::string &see) {
  std::vector<std::string> names;
  for (const CLI::App *child : app.get_subcommands([](const CLI::App *) { return true; }))
    names.push_back(child->get_name());
  const auto close = nearest(word, names);
  if (close)
    return fmt::format("{}: \"{}\" is unknown; did you mean `pagoda {} {}`?", app.get_name(), word, app.get_name(),
                       *close);
  return fmt::format("\"{}\" is one word too many; {}", word, see);
}

std::string unknown_command(const std::string &name) {
  std::vector<std::string> names;
  for (const Command &command : commands()) names.emplace_back(command.name);
  const auto close = nearest(name, names);
  if (close) return fmt::format("\"{}\" is not a command; did you mean `pagoda {}`?", name, *close);
  return fmt::format("\"{}\" is not a command; to run a program write `pagoda run {}`", name, name);
}

} // namespace

OptionsEnd options_end(const CLI::App &app, std::span<const std::string> arguments) {
  std::size_t i = 0;
  while (i < arguments.size()) {
    const std::string &word = arguments[i];
    if (word == "--") return {i, i + 1};
    if (word.size() < 2 || word.front() != '-') return {i, i};
    ++i;
    if (word.find('=') != std::string::npos) continue;
    const CLI::Option *option = app.get_option_no_throw(word);
    if (option != nullptr && option->get_items_expected_min() > 0 && i < arguments.size()) ++i;
  }
  return {i, i};
}

std::string explain(const CLI::App &command, const CLI::ParseError &error, std::span<const std::string> arguments) {
  const CLI::App *named = named_app(command);
  const bool nested = named != nullptr;
  const CLI::App &app = nested ? *named : command;
  const std::string see =
      fmt::format("see `pagoda {}{} --help`", command.get_name(), nested ? " " + app.get_name() : "");
  if (dynamic_cast<const CLI::ExtrasError *>(&error) != nullptr) {
    for (const std::string &word : arguments) {
      const std::string name = word.substr(0, word.find('='));
      if (app.get_option_no_throw(name) != nullptr || (nested && word == app.get_name())) continue;
      if (!word.starts_with('-')) return one_word_too_many(app, word, see);
      const auto close = nearest(name, option_names(app));
      if (close) return fmt::format("{}: no such option; did you mean {}?", name, *close);
      return fmt::format("{}: no such option; {}", name, see);
    }
  }
  if (dynamic_cast<const CLI::ArgumentMismatch *>(&error) != nullptr && !arguments.empty())
    return fmt::format("{}: a value is missing; {}", arguments.back().substr(0, arguments.back().find('=')), see);
  return fmt::format("{}; {}", error.what(), see);
}

CommandTree::CommandTree()
    : app_(std::make_unique<CLI::App>("Pagoda runs Linux programs in a virtual machine of its own making.", "pagoda")) {
  app_->require_subcommand(0, 1);
  app_->set_help_flag("-h,--help", "Show this help");
  app_->add_flag_function("--version", [](std::int64_t) {}, "Print the version");
  for (const Command &command : commands()) {
    CLI::App *sub = app_->add_subcommand(std::string(command.name), std::string(command.summary));
    sub->set_help_flag("-h,--help", "Show this help");
    sub->formatter(std::make_shared<HelpFormatter>(std::string(command.usage)));
    if (!command.examples.empty()) sub->footer("Examples:\n" + std::string(command.examples));
    actions_.push_back(command.configure(*sub));
  }
  app_->formatter(std::make_shared<HelpFormatter>("COMMAND [OPTIONS]"));
  app_->footer("`pagoda COMMAND --help` shows the options of a command, with examples.\n");
}

int CommandTree::run(std::vector<std::string> arguments) {
  if (arguments.empty()) {
    fmt::print(stderr, "{}", app_->help());
    return kExitOwnError;
  }
  const std::string &first = arguments.front();
  if (first == "--version") {
    fmt::print("pagoda {}\n", kVersion);
    return 0;
  }
  if (first == "-h" || first == "--help" || first == "help") {
    fmt::print("{}", app_->help());
    return 0;
  }
  const Command *command = find_command(first);
  if (command == nullptr) return fail(unknown_command(first));

  CLI::App &sub = *app_->get_subcommand(first);
  const std::span<const std::string> all(arguments.begin() + 1, arguments.end());
  const OptionsEnd split = command->takes_rest ? options_end(sub, all) : OptionsEnd{all.size(), all.size()};
  const auto options = all.first(split.end);
  try {
    parse(sub, options);
  } catch (const CLI::CallForHelp &) {
    fmt::print("{}", sub.help());
    return 0;
  } catch (const CLI::ParseError &error) { return fail(explain(sub, error, options)); }
  const auto rest = all.subspan(split.after);
  return actions_[std::size_t(command - commands().data())](Rest(rest.begin(), rest.end()));
}

} // namespace pagoda::tools
