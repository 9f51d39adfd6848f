// The table of system calls: each family registers its own rows in its own file; nothing switches
// over numbers. A number without a row returns ENOSYS, is counted and is named in the report.
#pragma once

#include <span>
#include <string_view>

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel {

using Handler = SysResult (*)(Call &);

struct SyscallEntry {
  unsigned number;
  std::string_view name;
  Handler handler;
  // One letter an argument, for --trace: d int, u unsigned, x hex, p pointer, s path string,
  // b buffer whose length is the next argument, f file descriptor, o octal mode, S signal number.
  std::string_view arguments;
};

// Families, each a file guest/linux/syscall/<family>.cpp that defines its function. All are listed
// in table.cpp, once.
std::span<const SyscallEntry> file_calls();       // open close read write lseek … (fs/)
std::span<const SyscallEntry> path_calls();       // stat mkdir unlink rename readlink … (fs/)
std::span<const SyscallEntry> directory_calls();  // getdents chdir getcwd …
std::span<const SyscallEntry> descriptor_calls(); // dup fcntl ioctl flock …
std::span<const SyscallEntry> poll_calls();       // poll select epoll eventfd timerfd …
std::span<const SyscallEntry> socket_calls();
std::span<const SyscallEntry> memory_calls();   // mmap munmap mprotect mremap brk madvise …
std::span<const SyscallEntry> time_calls();     // clock_* nanosleep timers …
std::span<const SyscallEntry> identity_calls(); // uids, gids, sessions, uname, rlimits …
std::span<const SyscallEntry> system_calls();   // sysinfo getrandom personality …
std::span<const SyscallEntry> process_calls();  // clone fork execve exit wait prctl …
std::span<const SyscallEntry> signal_calls();
std::span<const SyscallEntry> futex_calls();    // futex, robust lists, rseq, membarrier
std::span<const SyscallEntry> schedule_calls(); // sched_*, nice, priorities

[[nodiscard]] const SyscallEntry *find_syscall(unsigned number);
[[nodiscard]] std::string_view syscall_name(unsigned number); // of every number Linux has, else "?"

} // namespace pagoda::kernel
