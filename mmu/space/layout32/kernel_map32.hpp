// The kernel's gigabyte of one VM with the 32-bit layout: its regions with what is mapped in them, and
// what lies behind each of its addresses.
#pragma once

#include <cstddef>
#include <optional>

#include "mmu/base/error.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/layout32/fixmap.hpp"
#include "mmu/space/layout32/kernel_layout32.hpp"
#include "mmu/space/layout32/kmap.hpp"

namespace pagoda::space {

class Vmalloc;

class KernelMap32 {
public:
  // `vmalloc` hands out the addresses of the layout's area. Both outlive this.
  KernelMap32(const phys::PhysicalMemory &memory, const Vmalloc &vmalloc, Kmap::Flush flush = {});

  struct Place {
    Region32 region = Region32::DirectMap;
    std::optional<Gpa> gpa;    // nothing in the vmalloc area: the kernel's own memory is not the guest's RAM
    std::byte *host = nullptr; // null where there is no RAM: a device's page in the fixmap
  };
  // NotMapped: a gap, a guard page, a free slot, user space, or no address of 32 bits.
  [[nodiscard]] Result<Place> translate(Gva gva) const;

  const KernelLayout32 layout;
  Kmap kmap;
  Fixmap fixmap;

private:
  [[nodiscard]] Place in_memory(Region32 region, Gpa gpa) const;

  const phys::PhysicalMemory &memory_;
  const Vmalloc &vmalloc_;
};

} // namespace pagoda::space
