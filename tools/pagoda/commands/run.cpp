#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "tools/pagoda/command.hpp"
#include "tools/pagoda/options/run_options.hpp"
#include "tools/pagoda/session/session.hpp"

namespace pagoda::tools {
namespace {

void add_machine_options(CLI::App &app, RunArguments &a) {
  app.add_option("-m,--memory", a.memory, "Memory of the guest (default 1G)")->type_name("SIZE");
  app.add_option("-c,--cpus", a.cpus, "Virtual processors, 1 to 64 (default 1)")->type_name("N");
  app.add_option("--nodes", a.nodes,
                 "NUMA nodes of the guest (default 1): a number of equal ones, or each one's memory and CPUs, "
                 "joined by +, with its distances to all of them, as in 512M@0-1;distance=10,21+1G@2;distance=21,10")
      ->type_name("NODES");
  app.add_option("--movable", a.movable, "Memory for pages that can be moved and nothing else (default 0)")
      ->type_name("SIZE");
  app.add_option("--pmem", a.pmem,
                 "A file as memory that keeps its contents: /dev/pmem0 in the guest; SIZE makes or enlarges it")
      ->type_name("FILE[:SIZE]");
  app.add_option("--layout", a.layout,
                 "How addresses are divided (default 64); 32: programs end at 3G, the kernel maps 896M and the rest is "
                 "HIGHMEM")
      ->type_name("64|32");
  app.add_option("--slab", a.slab, "How the slab caches of the guest's kernel memory use their frames (default slub)")
      ->type_name("slub|slab|slob");
  app.add_option("-t,--timeout", a.timeout,
                 "End the program after this time: SIGTERM, 1 s later SIGKILL; exit code 124")
      ->type_name("DURATION");
  app.add_option("-n,--name", a.name, "A name for `pagoda ps`, `pagoda stat` and the like (default: its process id)")
      ->type_name("NAME");
  app.add_option("--backing", a.backing, "What guest memory is made of (default anonymous)")
      ->type_name("anonymous|memfd");
  app.add_option("--seed", a.seed, "Seed of the guest's address layout and random numbers, to repeat a run")
      ->type_name("NUMBER");
}

void add_view_options(CLI::App &app, RunArguments &a) {
  app.add_option("--root", a.root, "Host directory that is the guest's /, read-only (default /)")->type_name("DIR");
  app.add_option("--bind", a.binds, "Show SRC of the host as DST in the guest; may be repeated")
      ->type_name("SRC:DST[:rw]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("-w,--workdir", a.working_directory, "Directory of the guest to begin in")->type_name("DIR");
  app.add_option("-e,--env", a.environment, "Set a variable of the environment; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--clean-env", a.clean_environment, "Begin with an empty environment");
  app.add_option("--net", a.net, "Network: none (default, nothing leaves the guest) or the host's own")
      ->type_name("none|host");
}

void add_insight_options(CLI::App &app, RunArguments &a) {
  app.add_flag("--stats{text}", a.stats, "Print what the run did when it has ended; --stats=json for programs")
      ->type_name("text|json");
  app.add_option("--stats-file", a.stats_file, "Write it there instead of to standard error")->type_name("FILE");
  app.add_option("--trace", a.trace, "Print events as they happen")->type_name("exits,faults,syscalls,malloc");
  app.add_option("--trace-file", a.trace_file, "Write them there instead of to standard error")->type_name("FILE");
  app.add_option("--record-memory", a.record_memory, "Write a sample of the memory there 20 times a second")
      ->type_name("FILE");
  app.add_option("--record-allocations", a.record_allocations, "Write what programs map and unmap there, for replay")
      ->type_name("FILE");
}

} // namespace

Action configure_run(CLI::App &app) {
  auto arguments = std::make_shared<RunArguments>();
  add_machine_options(app, *arguments);
  add_view_options(app, *arguments);
  add_insight_options(app, *arguments);
  return [arguments](const Rest &rest) {
    arguments->command = rest;
    const auto options = check(*arguments);
    if (!options) {
      fmt::print(stderr, "pagoda: {}\n", options.error());
      return kExitOwnError;
    }
    return run_session(*options);
  };
}

} // namespace pagoda::tools
