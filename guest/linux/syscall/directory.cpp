// The directory family: listing and the working directory (guest/linux/syscall/files/).
#include <array>

#include "guest/linux/syscall/files/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> directory_calls() {
  using namespace files;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {78, "getdents", do_getdents, "fpu"},
      {79, "getcwd", do_getcwd, "pu"},
      {80, "chdir", do_chdir, "s"},
      {81, "fchdir", do_fchdir, "f"},
      {95, "umask", do_umask, "o"},
      {161, "chroot", do_chroot, "s"},
      {217, "getdents64", do_getdents64, "fpu"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
