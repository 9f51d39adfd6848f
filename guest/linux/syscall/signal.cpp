// The signal family: its numbers, names and handlers (guest/linux/syscall/signal/).
#include <array>
#include <cerrno>

#include "guest/linux/syscall/signal/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {
namespace {

// Nothing here leaves a restart block behind, so there is never one to continue.
SysResult do_restart_syscall(Call &) { return -EINTR; }

} // namespace

std::span<const SyscallEntry> signal_calls() {
  using namespace signals;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {13, "rt_sigaction", do_rt_sigaction, "Sppu"},
      {14, "rt_sigprocmask", do_rt_sigprocmask, "dppu"},
      {15, "rt_sigreturn", do_rt_sigreturn, ""},
      {34, "pause", do_pause, ""},
      {62, "kill", do_kill, "dS"},
      {127, "rt_sigpending", do_rt_sigpending, "pu"},
      {128, "rt_sigtimedwait", do_rt_sigtimedwait, "pppu"},
      {129, "rt_sigqueueinfo", do_rt_sigqueueinfo, "dSp"},
      {130, "rt_sigsuspend", do_rt_sigsuspend, "pu"},
      {131, "sigaltstack", do_sigaltstack, "pp"},
      {200, "tkill", do_tkill, "dS"},
      {219, "restart_syscall", do_restart_syscall, ""},
      {234, "tgkill", do_tgkill, "ddS"},
      {297, "rt_tgsigqueueinfo", do_rt_tgsigqueueinfo, "ddSp"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
