#include "tools/pagoda/completion/bash.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pagoda::tools {
namespace {

std::vector<std::string> spellings(const CLI::Option &option) {
  std::vector<std::string> names;
  for (const std::string &name : option.get_snames()) names.push_back("-" + name);
  for (const std::string &name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool takes_value(const CLI::Option &option) { return option.get_items_expected_min() > 0; }

std::vector<const CLI::App *> children(const CLI::App &app) {
  return app.get_subcommands([](const CLI::App *) { return true; });
}

// Of a command and of the commands of two words below it.
std::vector<const CLI::Option *> options_of(const CLI::App &app) {
  const std::vector<const CLI::Option *> own = app.get_options();
  std::vector<const CLI::Option *> all(own.begin(), own.end());
  if (app.get_parent() == nullptr) return all; // the root's children are commands of their own
  for (const CLI::App *child : children(app))
    for (const CLI::Option *option : child->get_options())
      if (std::ranges::none_of(all, [&](const CLI::Option *o) { return o->get_name() == option->get_name(); }))
        all.push_back(option);
  return all;
}

// How the value of an option is completed, told from its type name: a directory, a file, or one of
// the words of "a|b".
std::string value_completion(const std::string &type) {
  if (type == "DIR") return "compgen -d";
  if (type == "FILE" || type == "SRC:DST[:rw]") return "compgen -f";
  if (type.find('|') == std::string::npos && type.find(',') == std::string::npos) return {};
  std::string words = type;
  for (char &c : words)
    if (c == '|' || c == ',') c = ' ';
  return fmt::format("compgen -W '{}'", words);
}

std::string value_cases(const CLI::App &app) {
  std::string cases;
  for (const CLI::Option *option : options_of(app)) {
    const auto names = spellings(*option);
    if (!takes_value(*option) || names.empty()) continue;
    const std::string how = value_completion(option->get_type_name());
    cases += fmt::format("        {}) COMPREPLY=({}); return ;;\n", fmt::join(names, "|"),
                         how.empty() ? how : fmt::format("$({} -- \"$word\")", how));
  }
  return cases;
}

std::string value_options(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options())
    if (takes_value(*option))
      for (std::string &name : spellings(*option)) names.push_back(std::move(name));
  return fmt::format("{}", fmt::join(names, " "));
}

std::string all_options(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : options_of(app))
    for (std::string &name : spellings(*option)) names.push_back(std::move(name));
  return fmt::format("{}", fmt::join(names, " "));
}

// A VM that runs: who completes asks `pagoda ps`.
bool names_vm(const CLI::Option &option) { return option.get_type_name().starts_with("VM"); }
bool takes_vm(const CLI::App &app) {
  return std::ranges::any_of(options_of(app), [](const CLI::Option *o) { return o->get_positional() && names_vm(*o); });
}

// Words that stand without a dash: the second word, and the values of positional options.
std::string positional_words(const CLI::App &app) {
  std::vector<std::string> words;
  for (const CLI::App *child : children(app)) words.push_back(child->get_name());
  for (const CLI::Option *option : options_of(app))
    if (option->get_positional() && !names_vm(*option)) words.push_back(option->get_type_name());
  return fmt::format("{}", fmt::join(words, " "));
}

std::string subcommand_case(const CLI::App &app) {
  return fmt::format("    {})\n"
                     "      case \"$previous\" in\n"
                     "{}"
                     "      esac\n"
                     "      options='{}'; words='{}'; vms='{}' ;;\n",
                     app.get_name(), value_cases(app), all_options(app), positional_words(app),
                     takes_vm(app) ? "1" : "");
}

} // namespace

std::string bash_completion(const CLI::App &root) {
  std::vector<std::string> names;
  std::string cases;
  for (const CLI::App *child : children(root)) {
    names.push_back(child->get_name());
    cases += subcommand_case(*child);
  }
  return fmt::format(R"(# bash completion for pagoda, printed by `pagoda completion bash`
_pagoda() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local options words vms index
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} {}' -- "$word"))
    return
  fi
  # In `pagoda run`, everything from PROGRAM on is completed as that program's own command line.
  if [ "${{COMP_WORDS[1]}}" = run ]; then
    index=2
    while [ "$index" -lt "$COMP_CWORD" ]; do
      case "${{COMP_WORDS[index]}}" in
      --) index=$((index + 1)); break ;;
      -*) case " $_pagoda_run_valued " in *" ${{COMP_WORDS[index]}} "*) index=$((index + 1)) ;; esac ;;
      *) break ;;
      esac
      index=$((index + 1))
    done
    if [ "$index" -lt "$COMP_CWORD" ]; then
      if declare -F _command_offset >/dev/null; then _command_offset "$index"; else COMPREPLY=($(compgen -f -- "$word")); fi
      return
    fi
  fi
  case "${{COMP_WORDS[1]}}" in
{}    *) return ;;
  esac
  case "$word" in
  -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
  *)
    if [ "${{COMP_WORDS[1]}}" = run ]; then COMPREPLY=($(compgen -c -f -- "$word"))
    else
      if [ -n "$vms" ]; then words+=" $(${{COMP_WORDS[0]}} ps --quiet 2>/dev/null) "; fi
      COMPREPLY=($(compgen -W "$words" -- "$word"))
    fi ;;
  esac
}}
_pagoda_run_valued='{}'
complete -F _pagoda pagoda
)",
                     fmt::join(names, " "), all_options(root), cases, value_options(*root.get_subcommand("run")));
}

} // namespace pagoda::tools
