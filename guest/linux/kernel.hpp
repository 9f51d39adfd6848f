// The kernel of a process guest: the tables of processes and tasks, and everything they share.
//
// One Kernel runs one program tree in one VM. `run()` drives the vCPUs until init has ended.
// `mutex` guards the process tree, task states, signals, wait queues and futexes (see lock.hpp for
// the order). It is never held while guest memory is touched or while a host call may block.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "guest/linux/fs/mount_table.hpp"
#include "guest/linux/platform.hpp"
#include "guest/linux/process.hpp"
#include "guest/linux/statistics.hpp"
#include "guest/linux/task.hpp"
#include "guest/linux/trace.hpp"
#include "mmu/base/lock.hpp"

// Every file of the kernel includes this header, and Asio's are expensive.
namespace boost::asio {
class io_context;
}

namespace pagoda::kernel {

class Futexes;      // sched/futex.hpp
class Scheduler;    // sched/scheduler.hpp
class SharedMemory; // syscall/memory/shared_memory.hpp
class LoadAverage;  // syscall/system/load_average.hpp

// A fatal signal of a guest process, seen before anything is torn down.
struct Crash {
  const Process &process;
  const Task &task;
  SignalInfo info;
  Registers registers;
};

struct KernelOptions {
  std::uint64_t seed = 0;    // of ASLR, AT_RANDOM and getrandom; 0: from the host
  bool network_host = false; // --net host: sockets are the host's own
  Tracer *tracer = nullptr;
  std::function<void(const Crash &)> on_crash; // for init's and its children's fatal faults
};

struct ProgramRequest {
  std::string path; // guest path, or a name to be looked up in PATH by the caller
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
};

// How the whole run ended.
struct RunResult {
  int exit_code = 0;   // of init: its code, or 128 + signal
  int signal = 0;      // that killed init, or 0
  std::string failure; // not empty: Pagoda's own error (exit code 125)
};

class Kernel {
public:
  Kernel(Platform platform, std::unique_ptr<MountTable> mounts, KernelOptions options);
  ~Kernel();
  Kernel(const Kernel &) = delete;
  Kernel &operator=(const Kernel &) = delete;

  // Loads init (pid 1). An errno and what it was about on failure.
  struct StartError {
    int error = 0;
    std::string what;
    std::string interpreter; // of `what`, when that is at fault
  };
  std::expected<void, StartError> start(const ProgramRequest &request);
  // Runs until init has ended and every other process has been killed.
  RunResult run();
  // From outside (Ctrl-C, --timeout), any thread: a signal to the foreground group, or the end.
  void signal_foreground(int signal);
  void kill_all(std::string why);

  [[nodiscard]] Platform &platform() { return platform_; }
  [[nodiscard]] MountTable &mounts() { return *mounts_; }
  [[nodiscard]] Statistics &statistics() { return statistics_; }
  [[nodiscard]] const KernelOptions &options() const { return options_; }
  [[nodiscard]] Scheduler &scheduler() { return *scheduler_; }
  [[nodiscard]] Futexes &futexes() { return *futexes_; }
  [[nodiscard]] boost::asio::io_context &io() { return *io_; }
  [[nodiscard]] std::uint64_t now_ns() const; // since the run began, CLOCK_MONOTONIC
  void random_bytes(std::span<std::byte> out);

  Mutex mutex;
  std::map<std::uint32_t, std::unique_ptr<Process>> processes PAGODA_GUARDED_BY(mutex); // by pid, zombies included
  [[nodiscard]] Process *find_process(std::uint32_t pid) PAGODA_REQUIRES(mutex);
  [[nodiscard]] Task *find_task(std::uint32_t tid) PAGODA_REQUIRES(mutex);
  [[nodiscard]] std::uint32_t allocate_pid() PAGODA_REQUIRES(mutex);
  std::uint32_t foreground_group PAGODA_GUARDED_BY(mutex) = 1; // of the controlling terminal
  std::string hostname PAGODA_GUARDED_BY(mutex) = "pagoda";
  std::string domainname PAGODA_GUARDED_BY(mutex) = "(none)";
  std::shared_ptr<SharedMemory> shared_memory PAGODA_GUARDED_BY(mutex); // made by the memory family on first use
  std::shared_ptr<LoadAverage> load_average PAGODA_GUARDED_BY(mutex);   // made on first use
  // Init has ended, or the run was ended from outside: nothing new starts, everything is killed.
  bool ending PAGODA_GUARDED_BY(mutex) = false;
  RunResult result PAGODA_GUARDED_BY(mutex);
  // An error of Pagoda's own, or of the host: the run stops at once with exit code 125.
  void fail(std::string why) PAGODA_REQUIRES(mutex);

private:
  Platform platform_;
  std::unique_ptr<MountTable> mounts_;
  KernelOptions options_;
  Statistics statistics_;
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Futexes> futexes_;
  std::uint32_t next_pid_ = 2;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Mutex random_mutex_;
  std::uint64_t random_state_ = 0; // of a seeded run; 0: random bytes come from the host
};

} // namespace pagoda::kernel
