// What /proc says of a process or thread, copied out under Kernel::mutex at one moment, so that
// text is made without the lock and tests can make it from figures of their own.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "guest/linux/fs/synthetic.hpp"
#include "guest/linux/kernel.hpp"

namespace pagoda::kernel {

struct ThreadFigures {
  std::uint32_t tid = 0;
  std::string name;
  char state = 'S'; // R running, S sleeping, T stopped, Z zombie
  int nice = 0;
  std::uint64_t user_ns = 0, system_ns = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
  std::uint64_t start_ns = 0; // since the run began
  int processor = 0;
  std::uint64_t affinity = ~0ull;
  space::Mempolicy policy;
  SignalSet pending = 0, blocked = 0;
  std::uint64_t stack_pointer = 0, instruction_pointer = 0;
};

struct ProcessFigures {
  std::uint32_t pid = 0, parent = 0, group = 0, session = 0;
  ThreadFigures thread;      // the one asked for, the leader for the process itself
  bool whole_process = true; // times and faults of all threads are in `sum`
  ThreadFigures sum;
  std::size_t threads = 0;
  bool zombie = false;
  int exit_code = 0; // as wait4 gives it
  int exit_signal = SIGCHLD;
  Credentials credentials;
  std::array<rlimit, RLIM_NLIMITS> limits{};
  ImageLayout image;
  std::shared_ptr<space::Space> space; // null once a zombie
  std::shared_ptr<FdTable> fds;
  mode_t umask = 0;
  SignalSet pending = 0, ignored = 0, caught = 0; // of the process
  std::size_t queued_signals = 0;
  rusage children{};
  bool no_new_privileges = false;
  std::int32_t oom_score_adj = 0;
  unsigned cpus = 1;
  phys::NodeMask nodes = phys::NodeMask::of(0); // with memory: those it may use
};

// ESRCH when there is none any more. `tid` 0: the process itself.
[[nodiscard]] std::expected<ProcessFigures, int> figures_of(Kernel &kernel, std::uint32_t pid, std::uint32_t tid = 0);
// Of what a view points at.
[[nodiscard]] std::expected<ProcessFigures, int> figures_of(const View &view);

} // namespace pagoda::kernel
