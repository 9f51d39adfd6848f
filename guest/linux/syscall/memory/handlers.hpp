// Handlers of the memory family, by file; memory.cpp lists them with their numbers.
#pragma once

#include "guest/linux/syscall/call.hpp"

namespace pagoda::kernel::memory {

SysResult do_mmap(Call &call); // map.cpp
SysResult do_munmap(Call &call);
SysResult do_mprotect(Call &call);
SysResult do_mremap(Call &call);
SysResult do_brk(Call &call);
SysResult do_remap_file_pages(Call &call);

SysResult do_madvise(Call &call); // advise.cpp
SysResult do_mincore(Call &call); // residency.cpp
SysResult do_msync(Call &call);
SysResult do_mlock(Call &call); // lock.cpp
SysResult do_mlock2(Call &call);
SysResult do_munlock(Call &call);
SysResult do_mlockall(Call &call);
SysResult do_munlockall(Call &call);

SysResult do_process_vm_readv(Call &call); // process_vm.cpp
SysResult do_process_vm_writev(Call &call);

SysResult do_shmget(Call &call); // sysv_calls.cpp
SysResult do_shmat(Call &call);
SysResult do_shmdt(Call &call);
SysResult do_shmctl(Call &call);

SysResult do_get_mempolicy(Call &call); // policy.cpp
SysResult do_set_mempolicy(Call &call);
SysResult do_mbind(Call &call);
SysResult do_set_mempolicy_home_node(Call &call);
SysResult do_migrate_pages(Call &call); // move_pages.cpp
SysResult do_move_pages(Call &call);

SysResult do_pkey_alloc(Call &call); // protection_keys.cpp
SysResult do_pkey_free(Call &call);
SysResult do_pkey_mprotect(Call &call);

} // namespace pagoda::kernel::memory
