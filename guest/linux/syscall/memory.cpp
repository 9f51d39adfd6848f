// The memory family: its numbers, names and handlers (guest/linux/syscall/memory/).
#include <array>

#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> memory_calls() {
  using namespace memory;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {9, "mmap", do_mmap, "puxxdx"},
      {10, "mprotect", do_mprotect, "pux"},
      {11, "munmap", do_munmap, "pu"},
      {12, "brk", do_brk, "p"},
      {25, "mremap", do_mremap, "puuxp"},
      {26, "msync", do_msync, "pux"},
      {27, "mincore", do_mincore, "pup"},
      {28, "madvise", do_madvise, "pud"},
      {29, "shmget", do_shmget, "xux"},
      {30, "shmat", do_shmat, "dpx"},
      {31, "shmctl", do_shmctl, "ddp"},
      {67, "shmdt", do_shmdt, "p"},
      {149, "mlock", do_mlock, "pu"},
      {150, "munlock", do_munlock, "pu"},
      {151, "mlockall", do_mlockall, "x"},
      {152, "munlockall", do_munlockall, ""},
      {216, "remap_file_pages", do_remap_file_pages, "puxux"},
      {237, "mbind", do_mbind, "pudpux"},
      {238, "set_mempolicy", do_set_mempolicy, "dpu"},
      {239, "get_mempolicy", do_get_mempolicy, "ppupx"},
      {256, "migrate_pages", do_migrate_pages, "dupp"},
      {279, "move_pages", do_move_pages, "dupppx"},
      {310, "process_vm_readv", do_process_vm_readv, "dpupux"},
      {311, "process_vm_writev", do_process_vm_writev, "dpupux"},
      {325, "mlock2", do_mlock2, "pux"},
      {329, "pkey_mprotect", do_pkey_mprotect, "puxd"},
      {330, "pkey_alloc", do_pkey_alloc, "xx"},
      {331, "pkey_free", do_pkey_free, "d"},
      {450, "set_mempolicy_home_node", do_set_mempolicy_home_node, "puux"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
