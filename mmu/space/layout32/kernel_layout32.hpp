// The regions of the kernel's gigabyte in the 32-bit layout (3G/1G), from low addresses to high:
//
//   0xc0000000  direct map of low memory: Gpa 0 to at most 896 MiB, at a fixed distance
//               8 MiB that are never mapped
//               vmalloc area, up to two pages below the next
//               kmap window: 1024 slots of a page (512 with PAE), from a whole page table on
//               fixmap: downwards from 0xfffff000; named pages first, then 16 for each CPU
//
// Source: Linux, arch/x86/include/asm/pgtable_32_areas.h and fixmap.h, as they were before 4.15 put the LDT
// and the CPU entry area between the window and the fixmap.
//
// Invariant (`disjoint()`): the regions are in this order, none empty but a direct map of nothing, and
// none overlaps another; the gaps named above lie between them.
#pragma once

#include <cstdint>
#include <optional>

#include "mmu/base/address.hpp"
#include "mmu/phys/topology.hpp"

namespace pagoda::space {

inline constexpr Gva kPageOffset{0xc0000000}; // PAGE_OFFSET
inline constexpr Gva kFixmapTop{0xfffff000};  // FIXADDR_TOP
inline constexpr std::uint64_t kVmallocOffset = 8ull << 20;
inline constexpr unsigned kKmapLocalDepth = 16; // KM_MAX_IDX
inline constexpr unsigned kMostCpus32 = 64;
inline constexpr std::uint64_t kMostMemory32 = 64ull << 30; // what PAE's 36 address bits reach

struct Machine32 {
  std::uint64_t low_bytes = 0; // memory from Gpa 0 on that the direct map is to cover
  unsigned cpus = 1;
  bool pae = false; // entries of 64 bits: needed for memory above 4 GiB

  [[nodiscard]] static Machine32 of(const phys::Topology &topology);
};

enum class Region32 : std::uint8_t { DirectMap, Vmalloc, Kmap, Fixmap };

struct KernelLayout32 {
  // More than 896 MiB of low memory counts as that much; CPUs as 1 to 64.
  explicit KernelLayout32(const Machine32 &machine);

  GvaRange direct_map;
  GvaRange vmalloc;
  GvaRange kmap;
  GvaRange fixmap;
  unsigned cpus = 1;

  // In none of them: user space, a gap, or beyond 32 bits.
  [[nodiscard]] std::optional<Region32> region_of(Gva gva) const;
  // Whether the direct map covers the frame: it is low memory.
  [[nodiscard]] bool is_low(Gfn frame) const { return frame.gpa().value() < direct_map.length(); }
  [[nodiscard]] Gva direct(Gpa low) const { return kPageOffset + low.value(); } // __va
  [[nodiscard]] unsigned kmap_slots() const { return unsigned(kmap.length() >> kPageShift); }
  [[nodiscard]] bool disjoint() const;
};

} // namespace pagoda::space
