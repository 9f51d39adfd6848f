#include "tools/pagoda/session/session.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "tools/pagoda/crash/crash_report.hpp"
#include "tools/pagoda/exit_codes.hpp"
#include "tools/pagoda/report/report.hpp"
#include "tools/pagoda/session/memory_recorder.hpp"
#include "tools/pagoda/session/output.hpp"
#include "tools/pagoda/session/program.hpp"
#include "tools/pagoda/session/stat_handler.hpp"
#include "tools/pagoda/session/terminal.hpp"
#include "tools/pagoda/session/watcher.hpp"
#include "tools/pagoda/trace/event_tracer.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/control.hpp"
#include "vmm/host_nodes.hpp"
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
  config.topology = options.topology;
  config.pmem = options.pmem;
  config.slab.policy = options.slab;
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
constexpr unsigned kMostCrashReports = 50;

// Files that were named on the command line; nothing where none was.
struct Recordings {
  std::optional<Output> memory, allocations;
};

class Session {
public:
  Session(const RunOptions &options, Output trace, Output stats, Recordings recordings)
      : options_(options), trace_(std::move(trace)), stats_(std::move(stats)), recordings_(std::move(recordings)) {}

  int run();

private:
  RunOptions shown_to_guest();
  using OpenedControl = std::expected<std::unique_ptr<vmm::control::Control>, std::string>;
  OpenedControl open_control(kernel::Kernel &kernel);
  std::unique_ptr<kernel::Kernel> make_kernel(std::unique_ptr<kernel::MountTable> mounts);
  int exit_code(const kernel::RunResult &result) const;
  void report(kernel::Kernel &kernel, int code);
  [[nodiscard]] vmm::control::Subject subject(kernel::Kernel &kernel) const;
  std::unique_ptr<MemoryRecorder> record_memory(kernel::Kernel &kernel);
  void report_crash(const kernel::Crash &crash);

  const RunOptions &options_;
  Output trace_, stats_;
  Recordings recordings_;
  const SteadyClock::time_point begin_ = SteadyClock::now();
  TerminalKeeper terminal_;
  Watcher watcher_;
  std::atomic<unsigned> crashes_{0};
  std::unique_ptr<vmm::ProcessVm> vm_;
  std::unique_ptr<EventTracer> tracer_;
  std::expected<vmm::control::RuntimeDirectory, std::string> sockets_ = vmm::control::make_runtime_directory();
  std::uint64_t setup_ns_ = 0, wall_ns_ = 0;
};

// What the command line asked to be shown, less what would let the guest out.
RunOptions Session::shown_to_guest() {
  std::error_code unknown;
  RunOptions shown = show_program(options_, std::filesystem::current_path(unknown).string());
  for (const auto &directory : vmm::control::runtime_directories()) {
    struct stat st{};
    if (::fstat(directory.fd.get(), &st) == 0) shown.mounts.hidden.push_back({st.st_dev, st.st_ino});
  }
  return shown;
}

vmm::control::Subject Session::subject(kernel::Kernel &kernel) const {
  return {kernel, {}, options_.name, options_.program, options_.arguments, vm_->host_kind(), options_.memory};
}

std::unique_ptr<MemoryRecorder> Session::record_memory(kernel::Kernel &kernel) {
  if (!recordings_.memory) return nullptr;
  const auto seen = std::make_shared<const vmm::control::Subject>(subject(kernel));
  return std::make_unique<MemoryRecorder>(vmm::control::memory_handler(seen), std::move(*recordings_.memory));
}

// A host that has no place for a control socket still runs programs; `pagoda ps` says what it lacks.
// Only who asked for a name is owed it.
Session::OpenedControl Session::open_control(kernel::Kernel &kernel) {
  const auto without = [&](const std::string &why) -> OpenedControl {
    if (options_.name.empty()) return nullptr;
    return std::unexpected("--name: " + why);
  };
  if (!sockets_) return without(sockets_.error());
  auto control = vmm::control::Control::open(
      std::move(*sockets_), subject(kernel),
      [this, &kernel](vmm::control::Handlers &handlers) { handlers.add(stat_handler(options_, kernel, *vm_)); });
  return control ? std::move(control) : without(control.error());
}

std::unique_ptr<kernel::Kernel> Session::make_kernel(std::unique_ptr<kernel::MountTable> mounts) {
  kernel::KernelOptions options;
  options.seed = options_.seed;
  options.network_host = options_.network_host;
  options.tracer = tracer_.get();
  options.on_crash = [this](const kernel::Crash &crash) { report_crash(crash); };
  return std::make_unique<kernel::Kernel>(vm_->platform(), std::move(mounts), std::move(options));
}

// A program that forks and crashes for ever must not fill a disk with it.
void Session::report_crash(const kernel::Crash &crash) {
  const unsigned number = ++crashes_;
  if (number <= kMostCrashReports) write_all(STDERR_FILENO, crash_report(crash));
  if (number == kMostCrashReports)
    write_all(STDERR_FILENO, fmt::format("pagoda: {} crash reports so far: further ones are left out\n", number));
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
  report.node_binding = vm_->node_binding().text();
  report.exit_code = code;
  report.memory_bytes = options_.memory;
  report.setup_ns = setup_ns_;
  report.wall_ns = wall_ns_;
  stats_.write(options_.stats == StatsFormat::Json ? report_json(report) : report_text(report));
}

int Session::run() {
  const RunOptions shown = shown_to_guest();
  auto mounts = kernel::MountTable::create(shown.mounts);
  if (!mounts) return fail(kExitOwnError, mounts.error());
  const auto program = find_program(**mounts, shown, environ);
  if (!program) return fail(program.error().exit_code, program.error().sentence);
  auto vm = vmm::ProcessVm::create(vm_config(options_));
  if (!vm) return fail(kExitOwnError, vm.error().text);
  vm_ = std::move(*vm);
  if (options_.trace.any() || recordings_.allocations)
    tracer_ = std::make_unique<EventTracer>(options_.trace, trace_,
                                            recordings_.allocations ? &*recordings_.allocations : nullptr);

  const auto kernel = make_kernel(std::move(*mounts));
  if (const auto started = kernel->start(*program); !started) {
    const auto &error = started.error();
    const std::string &what = error.what.empty() ? program->path : error.what;
    const StartFailure failure = start_failure(error.error, what, options_, error.interpreter);
    return fail(failure.exit_code, failure.sentence);
  }
  auto control = open_control(*kernel); // goes before the kernel, which it looks at
  if (!control) return fail(kExitOwnError, control.error());
  setup_ns_ = nanoseconds_since(begin_);
  watcher_.start(control_of(*kernel), options_.timeout);
  auto memory = record_memory(*kernel); // looks at the kernel too
  const kernel::RunResult result = kernel->run();
  memory.reset();
  watcher_.stop();
  control->reset();
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
  Recordings recordings;
  for (const auto &[path, option, output] :
       {std::tuple{&options.record_memory, "--record-memory", &recordings.memory},
        std::tuple{&options.record_allocations, "--record-allocations", &recordings.allocations}}) {
    if (path->empty()) continue;
    auto opened = Output::open(*path, option);
    if (!opened) return fail(kExitOwnError, opened.error());
    output->emplace(std::move(*opened));
  }
  return Session(options, std::move(*trace), std::move(*stats), std::move(recordings)).run();
}

} // namespace pagoda::tools
