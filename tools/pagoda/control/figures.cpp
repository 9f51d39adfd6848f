#include "tools/pagoda/control/figures.hpp"

#include <cstdio>

#include <fmt/format.h>

#include "tools/pagoda/control/vms.hpp"

namespace pagoda::tools {

void add_figures_options(CLI::App &app, FiguresArguments &arguments) {
  app.add_option("VM", arguments.vm, "Id, name or process id of the VM (may be left out when only one runs)")
      ->type_name("VM");
  app.add_flag("--json", arguments.json, "Print the figures as a JSON object instead of text");
}

int own_error(std::string_view sentence) {
  fmt::print(stderr, "pagoda: {}\n", sentence);
  return kExitOwnError;
}

int print_figures(const FiguresArguments &arguments, const std::string &ask, const vmm::control::Json &with) {
  const auto answer = ask_vm(arguments.vm, ask, with);
  if (!answer) return own_error(answer.error());
  const char *part = arguments.json ? "figures" : "text";
  const auto found = answer->find(part);
  if (!answer->is_object() || found == answer->end() || (!arguments.json && !found->is_string()))
    return own_error("the VM answered something else than was asked; is it of another version?");
  if (arguments.json)
    fmt::print("{}\n", found->dump(2, ' ', false, vmm::control::Json::error_handler_t::replace));
  else
    fmt::print("{}", found->get_ref<const std::string &>());
  return 0;
}

Action figures_command(CLI::App &app, std::string ask) {
  auto arguments = std::make_shared<FiguresArguments>();
  add_figures_options(app, *arguments);
  return [arguments, ask = std::move(ask)](const Rest &) { return print_figures(*arguments, ask); };
}

} // namespace pagoda::tools
