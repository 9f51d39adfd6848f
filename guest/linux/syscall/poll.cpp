// The poll family: waiting for descriptors, and descriptors to wait for (guest/linux/syscall/files/).
#include <array>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> poll_calls() {
  using namespace files;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {7, "poll", do_poll, "pud"},
      {23, "select", do_select, "dpppp"},
      {213, "epoll_create", do_epoll_create, "d"},
      {232, "epoll_wait", do_epoll_wait, "fpdd"},
      {233, "epoll_ctl", do_epoll_ctl, "fdfp"},
      {270, "pselect6", do_pselect6, "dppppp"},
      {271, "ppoll", do_ppoll, "puppu"},
      {281, "epoll_pwait", do_epoll_pwait, "fpddpu"},
      {283, "timerfd_create", do_timerfd_create, "dx"},
      {284, "eventfd", do_eventfd, "u"},
      {286, "timerfd_settime", do_timerfd_settime, "fxpp"},
      {287, "timerfd_gettime", do_timerfd_gettime, "fp"},
      {290, "eventfd2", do_eventfd2, "ux"},
      {291, "epoll_create1", do_epoll_create1, "x"},
      {441, "epoll_pwait2", do_epoll_pwait2, "fpdppu"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
