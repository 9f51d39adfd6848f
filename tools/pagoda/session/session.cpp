#include "tools/pagoda/session/session.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "tools/pagoda/crash/crash_report.hpp"
#include "tools/pagoda/exit_codes.hpp"
#include "tools/pagoda/report/report.hpp"
#include "tools/pagoda/session/output.hpp"
#include "tools/pagoda/session/program.hpp"
#include "tools/pagoda/session/terminal.hpp"
#include "tools/pagoda/session/watcher.hpp"
#include "tools/pagoda/trace/event_tracer.hpp"
#include "vmm/process_vm.hpp"

namespace pagoda::tools {
namespace {

using SteadyClock = std::chrono::steady_clock;

int fail(int code, std::string_view sentence) {
  write_all(STDERR_FILENO, fmt::format("pagoda: {}\n", sentence));
  return code;
}

std::uint64_t nanoseconds_since(SteadyClock::time_point begin) {
  return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - begin).count());
}

vmm::ProcessVmConfig vm_config(const RunOptions &options) {
  vmm::ProcessVmConfig config;
  config.memory_bytes = options.memory;
  config.cpus = options.cpus;
  config.backing = options.backing == BackingChoice::Memfd ? vmm::Backing::Memfd : vmm::Backing::Anonymous;
  return config;
}

GuestControl control_of(kernel::Kernel &kernel) {
  return {
      .signal_foreground = [&kernel](int signal) { kernel.signal_foreground(signal); },
      .kill_all = [&kernel](std::string why) { kernel.kill_all(std::move(why)); },
      .init_stopped =
          [&kernel] {
            const LockGuard guard(kernel.mutex);
            const kernel::Process *init = kernel.find_process(1);
            return init != nullptr && !init->zombie && init->stop_signal != 0;
          },
  };
}

// Everything that lives as long as the guest does, in the order it is built.
class Session {
public:
  Session(const RunOptions &options, Output trace, Output stats)
      : options_(options), trace_(std::move(trace)), stats_(std::move(stats)) {}

  int run();

private:
  std::unique_ptr<kernel::Kernel> make_kernel(std::unique_ptr<kernel::MountTable> mounts);
  int exit_code(const kernel::RunResult &result) const;
  void report(kernel::Kernel &kernel, int code);

  const RunOptions &options_;
  Output trace_, stats_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  TerminalKeeper terminal_;
  Watcher watcher_;
  std::unique_ptr<vmm::ProcessVm> vm_;
  std::unique_ptr<EventTracer> tracer_;
  std::uint64_t setup_ns_ = 0, wall_ns_ = 0;
};

std::unique_ptr<kernel::Kernel> Session::make_kernel(std::unique_ptr<kernel::MountTable> mounts) {
  kernel::KernelOptions options;
  options.seed = options_.seed;
  options.network_host = options_.network_host;
  options.tracer = tracer_.get();
  options.on_crash = [](const kernel::Crash &crash) { write_all(STDERR_FILENO, crash_report(crash)); };
  return std::make_unique<kernel::Kernel>(vm_->platform(), std::move(mounts), std::move(options));
}

int Session::exit_code(const kernel::RunResult &result) const {
  if (watcher_.timed_out()) return kExitTimeout;
  if (watcher_.killed_by() != 0) return 128 + watcher_.killed_by();
  if (!result.failure.empty()) return fail(kExitOwnError, result.failure);
  return result.exit_code;
}

void Session::report(kernel::Kernel &kernel, int code) {
  if (tracer_) tracer_->finish();
  if (options_.stats == StatsFormat::None) return;
  RunReport report = collect(kernel);
  report.program = options_.program;
  report.host_kind = std::string(vmm::name(vm_->host_kind()));
  report.exit_code = code;
  report.memory_bytes = options_.memory;
  report.setup_ns = setup_ns_;
  report.wall_ns = wall_ns_;
  stats_.write(options_.stats == StatsFormat::Json ? report_json(report) : report_text(report));
}

int Session::run() {
  std::error_code unknown;
  const RunOptions shown = show_program(options_, std::filesystem::current_path(unknown).string());
  auto mounts = kernel::MountTable::create(shown.mounts);
  if (!mounts) return fail(kExitOwnError, mounts.error());
  const auto program = find_program(**mounts, shown, environ);
  if (!program) return fail(program.error().exit_code, program.error().sentence);
  auto vm = vmm::ProcessVm::create(vm_config(options_));
  if (!vm) return fail(kExitOwnError, vm.error().text);
  vm_ = std::move(*vm);
  if (options_.trace.any()) tracer_ = std::make_unique<EventTracer>(options_.trace, trace_);

  const auto kernel = make_kernel(std::move(*mounts));
  if (const auto started = kernel->start(*program); !started) {
    const auto &error = started.error();
    const StartFailure failure = start_failure(error.error, error.what.empty() ? program->path : error.what, options_);
    return fail(failure.exit_code, failure.sentence);
  }
  setup_ns_ = nanoseconds_since(begin_);
  watcher_.start(control_of(*kernel), options_.timeout);
  const kernel::RunResult result = kernel->run();
  watcher_.stop();
  terminal_.restore();
  wall_ns_ = nanoseconds_since(begin_);
  const int code = exit_code(result);
  report(*kernel, code);
  return code;
}

} // namespace

int run_session(const RunOptions &options) {
  // A guest that writes to a closed pipe gets its own SIGPIPE; the host process must not.
  ::signal(SIGPIPE, SIG_IGN);
  auto trace = Output::open(options.trace_file, "--trace-file");
  if (!trace) return fail(kExitOwnError, trace.error());
  auto stats = Output::open(options.stats_file, "--stats-file");
  if (!stats) return fail(kExitOwnError, stats.error());
  return Session(options, std::move(*trace), std::move(*stats)).run();
}

} // namespace pagoda::tools
