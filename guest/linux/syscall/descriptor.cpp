// The descriptor family: duplicates, flags, locks, terminals, pipes (guest/linux/syscall/files/).
#include <array>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> descriptor_calls() {
  using namespace files;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {16, "ioctl", do_ioctl, "fxp"},
      {22, "pipe", do_pipe, "p"},
      {32, "dup", do_dup, "f"},
      {33, "dup2", do_dup2, "fd"},
      {72, "fcntl", do_fcntl, "fdx"},
      {73, "flock", do_flock, "fx"},
      {253, "inotify_init", do_inotify_init, ""},
      {254, "inotify_add_watch", do_inotify_add_watch, "fsx"},
      {255, "inotify_rm_watch", do_inotify_rm_watch, "fd"},
      {292, "dup3", do_dup3, "fdx"},
      {293, "pipe2", do_pipe2, "px"},
      {294, "inotify_init1", do_inotify_init1, "x"},
      {319, "memfd_create", do_memfd_create, "sx"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
