// What the VM gives to the kernel that runs a process guest: filled in by vmm, borrowed here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest/linux/cpu.hpp"
#include "mmu/space/kernel_memory.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::phys {
class SlabRegistry; // mmu/phys/slab/registry.hpp
}
namespace pagoda::space {
class Vmalloc; // mmu/space/vmalloc.hpp
}

namespace pagoda::kernel {

// The host's own [vvar][vdso] pages, in a read-only slot of the VM: clock calls without an exit.
struct VdsoSlot {
  Gfn first;                    // frame of the first vvar page
  std::uint64_t vvar_pages = 0; // data pages, mapped read-only
  std::uint64_t vdso_pages = 0; // code pages right behind, mapped read-execute
};

struct Platform {
  phys::PhysicalMemory &memory;
  tlb::Invalidator &invalidator;
  space::Space::KernelHalf kernel_half;
  std::vector<Cpu *> cpus;
  std::optional<VdsoSlot> vdso;
  std::uint64_t tsc_khz = 0;
  // The kernel's own memory, where it has some: its caches, and its areas of single frames.
  const phys::SlabRegistry *slabs = nullptr;
  const space::Vmalloc *vmalloc = nullptr;
  space::KernelMemory *kernel_memory = nullptr;
  GfnRange pmem{}; // DEVICE memory, shown as /dev/pmem0; empty without

  // The cache for the kernel's objects of one kind; null: the heap.
  [[nodiscard]] phys::NamedCache *cache(phys::NamedCache space::KernelMemory::*which) const {
    return kernel_memory == nullptr ? nullptr : &(kernel_memory->*which);
  }
};

// As std::make_shared, in such a cache.
template <class T, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_in(phys::NamedCache *cache, Arguments &&...arguments) {
  return std::allocate_shared<T>(phys::CacheAllocator<T>(cache), std::forward<Arguments>(arguments)...);
}

} // namespace pagoda::kernel
