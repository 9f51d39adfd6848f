#include <algorithm>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/syscall/system/usage.hpp"

namespace pagoda::kernel {
namespace {

void add_time(timeval &sum, const timeval &part) {
  sum.tv_sec += part.tv_sec;
  sum.tv_usec += part.tv_usec;
  if (sum.tv_usec >= 1'000'000) {
    sum.tv_sec += 1;
    sum.tv_usec -= 1'000'000;
  }
}

} // namespace

void note_usage(Kernel &kernel, Process &process) {
  if (!process.space) return;
  const space::Usage usage = process.space->usage();
  kernel.statistics().note_usage(usage);
  kernel.statistics().host_faults += process.space->take_host_faults();
  process.peak_resident_kib = std::max(process.peak_resident_kib, usage.peak_resident * (kPageSize / 1024));
}

void add_usage(rusage &sum, const rusage &part) {
  add_time(sum.ru_utime, part.ru_utime);
  add_time(sum.ru_stime, part.ru_stime);
  sum.ru_maxrss = std::max(sum.ru_maxrss, part.ru_maxrss);
  sum.ru_minflt += part.ru_minflt;
  sum.ru_majflt += part.ru_majflt;
  sum.ru_nvcsw += part.ru_nvcsw;
  sum.ru_nivcsw += part.ru_nivcsw;
}

void reap(Kernel &kernel, Process &zombie) {
  if (Process *parent = kernel.find_process(zombie.parent)) {
    add_usage(parent->children_usage, usage_of(zombie));
    add_usage(parent->children_usage, zombie.children_usage);
  }
  kernel.processes.erase(zombie.pid());
}

} // namespace pagoda::kernel
