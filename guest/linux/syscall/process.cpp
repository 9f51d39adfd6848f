// The process family: its numbers, names and handlers (guest/linux/syscall/process/).
#include <array>

#include "guest/linux/syscall/process/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> process_calls() {
  using namespace process;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {39, "getpid", do_getpid, ""},
      {56, "clone", do_clone, "xpppx"},
      {57, "fork", do_fork, ""},
      {58, "vfork", do_vfork, ""},
      {59, "execve", do_execve, "spp"},
      {60, "exit", do_exit, "d"},
      {61, "wait4", do_wait4, "dpxp"},
      {110, "getppid", do_getppid, ""},
      {157, "prctl", do_prctl, "dxxxx"},
      {158, "arch_prctl", do_arch_prctl, "xp"},
      {186, "gettid", do_gettid, ""},
      {218, "set_tid_address", do_set_tid_address, "p"},
      {231, "exit_group", do_exit_group, "d"},
      {247, "waitid", do_waitid, "ddpxp"},
      {322, "execveat", do_execveat, "fsppx"},
      {435, "clone3", do_clone3, "pu"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
