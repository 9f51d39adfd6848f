#include "mmu/phys/per_cpu_pages.hpp"

#include <new>
#include <sys/mman.h>

namespace pagoda::phys {

PerCpuPages *PerCpuPages::create(const PerCpuLimits &limits) {
  void *at = ::mmap(nullptr, sizeof(PerCpuPages), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? nullptr : new (at) PerCpuPages(limits);
}

void PerCpuPages::destroy(PerCpuPages *pages) {
  if (pages != nullptr) ::munmap(pages, sizeof(PerCpuPages));
}

} // namespace pagoda::phys
