// A guest process: what its threads share.
//
// Guarded by Kernel::mutex, except members that carry their own lock (space, fds, fs).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "guest/linux/fs/fd_table.hpp"
#include "guest/linux/fs/fs_context.hpp"
#include "guest/linux/sched/wait_queue.hpp"
#include "guest/linux/signal/signal_state.hpp"
#include "guest/linux/task.hpp"
#include "mmu/phys/slab/in_cache.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {

struct Credentials {
  std::uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  std::uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<std::uint32_t> groups;
  // Capabilities follow the user id (euid 0 has them all), less what capset gave up: `dropped` for
  // good, `lowered` from the effective set only.
  std::uint64_t capabilities_dropped = 0, capabilities_lowered = 0, capabilities_inheritable = 0;
};

// Where the loader put things; /proc/PID/{stat,cmdline,environ,auxv} read them.
struct ImageLayout {
  Gva code_begin, code_end, data_begin, data_end, break_begin, stack_top;
  GvaRange arguments, environment;
  std::vector<std::uint64_t> auxv;
  std::string executable; // guest path of the program (/proc/PID/exe)
};

// POSIX and interval timers that belong to the process live with the time family.
struct ProcessTimers; // syscall/time_state.hpp

class Process : public phys::InCache {
public:
  Process(std::uint32_t pid, std::uint32_t parent);
  ~Process();
  [[nodiscard]] std::uint32_t pid() const { return pid_; }
  [[nodiscard]] Task &leader() const { return *tasks.front(); }

  std::uint32_t parent; // pid
  std::uint32_t group;  // process group id
  std::uint32_t session;
  // Space, fds and fs are null once the process has ended and only waits to be reaped.
  std::shared_ptr<space::Space> space;    // replaced by execve; shared after vfork
  std::shared_ptr<FdTable> fds;           // shared with CLONE_FILES
  std::shared_ptr<FsContext> fs;          // cwd, umask; shared with CLONE_FS
  std::shared_ptr<SignalActions> actions; // shared with CLONE_SIGHAND
  SharedSignals signals;                  // pending for the whole process
  Credentials credentials;
  std::array<rlimit, RLIM_NLIMITS> limits{};
  ImageLayout image;
  std::vector<std::unique_ptr<Task>> tasks; // the leader first; dead threads are removed
  unsigned live_tasks = 0;
  bool group_exiting = false;
  bool exec_in_progress = false;
  bool zombie = false;
  int wait_status = 0; // as wait4 gives it, once zombie
  bool stop_reported = false, continued_reported = true;
  int stop_signal = 0;         // not 0: stopped by it
  bool stop_announced = false; // the parent was told, once no thread ran any more
  int exit_signal = 17;        // SIGCHLD, or what clone asked for
  bool dumpable = true;
  int parent_death_signal = 0;
  bool child_subreaper = false;
  bool no_new_privileges = false; // prctl; nothing here raises privileges anyway
  bool did_exec = false;
  bool membarrier_registered = false;
  WaitQueue child_events;                             // wait4 sleeps here
  WaitQueue thread_exits;                             // execve waits here for the other threads to end
  rusage children_usage{};                            // of reaped children
  std::uint64_t dead_user_ns = 0, dead_system_ns = 0; // of threads that ended
  std::uint64_t dead_minor_faults = 0, dead_major_faults = 0;
  std::uint64_t peak_resident_kib = 0; // of spaces that are gone: before execve, and at the end
  std::int32_t oom_score_adj = 0;
  std::uint32_t personality = 0;
  std::unique_ptr<ProcessTimers> timers;

private:
  std::uint32_t pid_;
};

} // namespace pagoda::kernel
