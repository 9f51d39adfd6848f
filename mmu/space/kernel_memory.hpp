// The kernel memory of one VM: its arena, its caches by Linux's names, kmalloc and vmalloc, charged to
// the guest. Everything is made when it is first needed; a VM that starts touches a few pages of it.
#pragma once

#include <memory>

#include "mmu/base/error.hpp"
#include "mmu/phys/kernel_arena.hpp"
#include "mmu/phys/kmalloc.hpp"
#include "mmu/phys/slab/cache_allocator.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/space/layout32/kernel_map32.hpp"
#include "mmu/space/vmalloc.hpp"

namespace pagoda::space {

class KernelMemory {
  std::unique_ptr<phys::KernelArena> arena_; // first: everything else stands on it

public:
  // As much of it, at most, as the guest has memory. `guest` outlives it, and it whatever lives in it.
  static Result<std::unique_ptr<KernelMemory>> create(phys::PhysicalMemory &guest, phys::SlabOptions options = {});
  KernelMemory(const KernelMemory &) = delete;
  KernelMemory &operator=(const KernelMemory &) = delete;

  [[nodiscard]] phys::KernelArena &arena() { return *arena_; }

  phys::SlabRegistry registry;
  phys::Kmalloc kmalloc;
  phys::NamedCache vmap_area;
  Vmalloc vmalloc;
  phys::NamedCache vm_area_struct;    // areas of address spaces
  phys::NamedCache mm_struct;         // address spaces
  phys::NamedCache shmem_inode_cache; // memory objects
  phys::NamedCache radix_tree_node;   // their pages by offset
  phys::NamedCache task_struct;       // threads
  phys::NamedCache signal_cache;      // processes
  phys::NamedCache sighand_cache;     // their signal actions
  phys::NamedCache files_cache;       // their descriptor tables
  phys::NamedCache fs_cache;          // their working directories
  // With the 32-bit layout: the kernel's addresses, of which `vmalloc` then has an area. Else null.
  std::unique_ptr<KernelMap32> map32;

private:
  struct Range { // of vmalloc
    std::uint64_t bytes = Vmalloc::kDefaultRange;
    Gva begin;
  };
  KernelMemory(std::unique_ptr<phys::KernelArena> arena, phys::SlabOptions options, Range range);
};

} // namespace pagoda::space
