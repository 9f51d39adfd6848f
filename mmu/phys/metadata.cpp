#include "mmu/phys/metadata.hpp"

#include <new>
#include <sys/mman.h>

namespace pagoda::phys {

void *map_metadata(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void *at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  return at;
}

void unmap_metadata(void *at, std::size_t bytes) {
  if (at != nullptr) ::munmap(at, bytes);
}

} // namespace pagoda::phys
