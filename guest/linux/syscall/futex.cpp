// The futex family: its numbers, names and handlers (guest/linux/syscall/futex/).
#include <array>
#include <cerrno>

#include "guest/linux/syscall/futex/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {
namespace {

// A known answer, not an unknown call: glibc asks once a thread and goes on without.
SysResult do_rseq(Call &) { return -ENOSYS; }

} // namespace

std::span<const SyscallEntry> futex_calls() {
  using namespace futexes;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {202, "futex", do_futex, "pxuxpx"},
      {273, "set_robust_list", do_set_robust_list, "pu"},
      {274, "get_robust_list", do_get_robust_list, "dpp"},
      {324, "membarrier", do_membarrier, "dxd"},
      {334, "rseq", do_rseq, "puxx"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
