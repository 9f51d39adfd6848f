#include "guest/linux/proc/register.hpp"

namespace pagoda::kernel {

void add_proc_content(SyntheticTree &proc) {
  add_process_files(proc);
  add_memory_files(proc);
  add_machine_files(proc);
  add_cpuinfo(proc);
  add_sysctl(proc);
}

} // namespace pagoda::kernel
