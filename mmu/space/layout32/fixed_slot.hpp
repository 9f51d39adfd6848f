// The pages of the 32-bit fixmap that have names, by their index below its top.
//
// Source: Linux, arch/x86/include/asm/fixmap.h (enum fixed_addresses), without what only a real machine's
// start needs. Linux puts the kmap_local slots in the middle; here they follow, so that no name moves
// with the number of CPUs.
#pragma once

#include <cstdint>

namespace pagoda::space {

enum class FixedSlot : std::uint8_t {
  Hole,         // FIX_HOLE: never mapped, so that an address before the first page faults
  DebugPort,    // FIX_DBGP_BASE
  EarlyConsole, // FIX_EARLYCON_MEM_BASE
  ApicBase,     // FIX_APIC_BASE
  IoApicBase,   // FIX_IO_APIC_BASE_0
  PcieMcfg,     // FIX_PCIE_MCFG
  TextPoke1,    // FIX_TEXT_POKE1: the second page of an edit of code
  TextPoke0,    // FIX_TEXT_POKE0
};
inline constexpr unsigned kFixedSlots = 8;

} // namespace pagoda::space
