#include <cstdio>
#include <fstream>
#include <memory>
#include <new>
#include <unistd.h>

#include <fmt/format.h>

#include "tools/measure/allocation_trace.hpp"
#include "tools/pagoda/control/figures.hpp"
#include "tools/pagoda/nested.hpp"
#include "tools/pagoda/options/measure_options.hpp"
#include "tools/pagoda/report/replay_table.hpp"
#include "tools/pagoda/session/output.hpp"

namespace pagoda::tools {
namespace {

using Trace = std::expected<measure::AllocationTrace, std::string>;

Trace load(const MeasureAllocOptions &options) {
  if (options.seed) return measure::generate_trace(*options.seed, options.operations);
  std::ifstream file(options.trace, std::ios::binary);
  if (!file) return std::unexpected(fmt::format("{}: it cannot be opened", options.trace));
  auto trace = measure::read_trace(file);
  if (!trace) return std::unexpected(fmt::format("{}: {}", options.trace, trace.error()));
  return trace;
}

int write(const measure::AllocationTrace &trace, const std::string &path) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  measure::write_trace(trace, file);
  file.flush();
  return file ? 0 : own_error(fmt::format("--write: {} does not take the trace", path));
}

int measure_alloc(const MeasureAllocArguments &arguments) {
  const auto options = check(arguments);
  if (!options) return own_error(options.error());
  const Trace trace = load(*options);
  if (!trace) return own_error(trace.error());
  if (!options->write.empty()) return write(*trace, options->write);
  ReplayTable table{.trace = options->seed ? fmt::format("generated from seed {}", *options->seed) : options->trace,
                    .operations = trace->operations.size(),
                    .peak_bytes = trace->peak_bytes,
                    .arena_bytes = arena_bytes(*options, trace->peak_bytes),
                    .rows = {}};
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  try {
    for (const measure::ManagerKind &kind : options->managers) {
      if (terminal) fmt::print(stderr, "\r\033[K{}, {}", kind.name, kind.policy);
      table.rows.push_back(measure::replay(*trace, kind, table.arena_bytes));
    }
  } catch (const std::bad_alloc &) {
    return own_error(
        fmt::format("the host has no room for an arena of {} bytes; give a smaller --memory", table.arena_bytes));
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  write_all(STDOUT_FILENO, arguments.json ? replay_json(table) : replay_text(table));
  return 0;
}

} // namespace

Action configure_measure_alloc(CLI::App &app) {
  auto a = std::make_shared<MeasureAllocArguments>();
  app.add_option("TRACE", a->trace, "A recorded trace: lines of \"a NUMBER BYTES\" and \"f NUMBER\"")
      ->type_name("FILE");
  app.add_option("--generate", a->generate, "Make a trace from this seed instead")->type_name("SEED");
  app.add_option("--operations", a->operations, "Length of a generated trace (default 200000)")->type_name("N");
  app.add_option("--write", a->write, "Write the trace there and measure nothing")->type_name("FILE");
  app.add_option("--managers", a->managers, "Replay through these alone (default all)")
      ->type_name("memblock,buddy,slab,vmalloc");
  app.add_option("--fit", a->fit, "How memblock chooses a hole (default all)")->type_name("first|best|worst|all");
  app.add_option("--slab", a->slab, "How slab caches use their frames (default all)")->type_name("slub|slab|slob|all");
  app.add_option("-m,--memory", a->memory, "Size of the arena (default twice what is live at most)")->type_name("SIZE");
  app.add_flag("--json", a->json, "Print a JSON object instead of a table");
  return [a](const Rest &) { return measure_alloc(*a); };
}

} // namespace pagoda::tools
