// The fixmap: pages of the kernel whose addresses are constants, and above all each CPU's stack of
// short-lived mappings (kmap_local).
//
// kmap_local gives a frame of HIGHMEM an address on one CPU for a few instructions. The slots of a CPU
// are a stack of 16: what was mapped last is unmapped first. A frame of low memory has its address in the
// direct map and takes no slot.
//
// Source: Linux, arch/x86/include/asm/fixmap.h; mm/highmem.c (__kmap_local_page_prot, kunmap_local_indexed).
//
// Invariant (`invariant()`): of a CPU's slots exactly those below its depth hold a page; the hole holds none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mmu/base/error.hpp"
#include "mmu/base/lock.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/layout32/fixed_slot.hpp"
#include "mmu/space/layout32/kernel_layout32.hpp"

namespace pagoda::space {

class Fixmap {
public:
  Fixmap(const KernelLayout32 &layout, const phys::PhysicalMemory &memory);

  [[nodiscard]] static Gva address(FixedSlot slot) { return address_of(unsigned(slot)); }
  // The page behind a name from here on; it may be a device's. Invalid: the hole, or no page of 32 bits
  // (36 with PAE). Whoever replaces a page owes the flush.
  Result<Gva> set(FixedSlot slot, Gpa page);
  Result<> clear(FixedSlot slot); // NotMapped

  // Invalid: no such CPU, or no RAM; NoSpace: 16 are mapped there already, which Linux does not survive.
  [[nodiscard]] Result<Gva> map_local(unsigned cpu, Gfn frame);
  // Invalid: not what this CPU mapped last; NotMapped: it has mapped nothing. An address in the direct
  // map has nothing to undo.
  Result<> unmap_local(unsigned cpu, Gva gva);
  [[nodiscard]] unsigned depth(unsigned cpu) const; // slots in use

  // The page that holds the address.
  [[nodiscard]] std::optional<Gpa> page_at(Gva gva) const;
  [[nodiscard]] std::string invariant() const;

private:
  [[nodiscard]] static Gva address_of(unsigned index) { return kFixmapTop - (std::uint64_t{index} << kPageShift); }
  [[nodiscard]] static unsigned local_index(unsigned cpu, unsigned depth) {
    return kFixedSlots + cpu * kKmapLocalDepth + depth;
  }

  const KernelLayout32 layout_;
  const phys::PhysicalMemory &memory_;
  mutable Mutex mutex_;
  std::vector<std::optional<Gpa>> pages_ PAGODA_GUARDED_BY(mutex_); // by index below the top
  std::vector<unsigned> depth_ PAGODA_GUARDED_BY(mutex_);           // by CPU
};

} // namespace pagoda::space
