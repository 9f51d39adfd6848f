#include <charconv>
#include <cstdio>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "tools/pagoda/control/figures.hpp"
#include "tools/pagoda/control/stat_lines.hpp"
#include "tools/pagoda/control/vms.hpp"
#include "tools/pagoda/options/units.hpp"

namespace pagoda::tools {
namespace {

using vmm::control::Json;

struct StatArguments : FiguresArguments {
  std::string interval, count;
};

struct Watching {
  std::chrono::nanoseconds interval{};
  std::uint64_t looks = ~0ull;
};

std::expected<Watching, std::string> check(const StatArguments &arguments) {
  Watching watching;
  const auto interval = parse_duration(arguments.interval);
  if (!interval) return std::unexpected("--interval: " + interval.error());
  watching.interval = *interval;
  if (arguments.count.empty()) return watching;
  const char *end = arguments.count.data() + arguments.count.size();
  const auto parsed = std::from_chars(arguments.count.data(), end, watching.looks);
  if (parsed.ec != std::errc{} || parsed.ptr != end || watching.looks == 0)
    return std::unexpected(fmt::format("--count: \"{}\" is not a number of lines; give 1 or more", arguments.count));
  return watching;
}

void print_look(const StatArguments &arguments, const Json &figures, StatSample &last, std::uint64_t index) {
  if (arguments.json) {
    fmt::print("{}\n", figures.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    const StatSample now = stat_sample(figures);
    if (index % 20 == 0) fmt::print("{}", stat_header());
    fmt::print("{}", stat_line(last, now));
    last = now;
  }
  std::fflush(stdout);
}

// Until the VM ends, which is no error.
int watch(const StatArguments &arguments, const Watching &watching) {
  const auto id = vm_id(arguments.vm);
  if (!id) return own_error(id.error());
  StatSample last;
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < watching.looks; ++i) {
    if (i != 0) std::this_thread::sleep_until(next);
    next += watching.interval;
    const auto answer = ask_vm(*id, "stat"); // a connection for each look: a server hangs up on idle ones
    if (!answer) return i != 0 && !vm_id(*id) ? 0 : own_error(answer.error());
    print_look(arguments, answer->is_object() ? answer->value("figures", Json()) : Json(), last, i);
  }
  return 0;
}

} // namespace

Action configure_stat(CLI::App &app) {
  auto arguments = std::make_shared<StatArguments>();
  add_figures_options(app, *arguments);
  app.add_option("-i,--interval", arguments->interval,
                 "Print a line of rates every so often until the VM ends (with --json: an object a line)")
      ->type_name("DURATION");
  app.add_option("--count", arguments->count, "End after that many lines")->type_name("N");
  return [arguments](const Rest &) {
    if (arguments->interval.empty()) {
      if (!arguments->count.empty()) return own_error("--count: there are no lines to count; add --interval");
      return print_figures(*arguments, "stat");
    }
    const auto watching = check(*arguments);
    return watching ? watch(*arguments, *watching) : own_error(watching.error());
  };
}

} // namespace pagoda::tools
