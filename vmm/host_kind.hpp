// The kinds of KVM host, and the ways of making a page-table edit visible on them.
#pragma once

#include <cstdint>
#include <string_view>

namespace pagoda::vmm {

enum class HostKind : std::uint8_t {
  Ept,    // Intel, hardware stage 2: the guest's own TLB is all that can be stale
  Npt,    // AMD, the same
  Shadow, // VM hardware, but KVM shadows the guest's page tables
  Pvm,    // no VM hardware at all: shadowed tables, guest ring 0 interpreted
};
[[nodiscard]] std::string_view name(HostKind kind); // "ept", "npt", "shadow", "pvm"

// KVM keeps translations that it derived from guest tables, beside the processor's TLB.
constexpr bool shadows_tables(HostKind kind) { return kind == HostKind::Shadow || kind == HostKind::Pvm; }

enum class CarrierChoice : std::uint8_t {
  Automatic,    // the best one that is right on this host
  Hardware,     // kick, and flush the guest's TLB before re-entry: ept and npt
  WriteProtect, // UFFDIO_WRITEPROTECT on the old data page: shadow and pvm
  Mprotect,     // mprotect to and fro on the old data page: shadow and pvm without WP_ASYNC
  Slot,         // add and delete a dummy memslot: everywhere, flushes everything
  None,         // does nothing: deliberately broken, to show that the proof notices
};
[[nodiscard]] std::string_view name(CarrierChoice choice);

// How an exception of a program reaches the VMM.
enum class ExceptionPath : std::uint8_t {
  Automatic, // the cheaper one that is right on this host
  Gate,      // through the IDT into the stub: everywhere
  Shutdown,  // the IDT is empty, and KVM gives up with the program's state intact: pvm alone, since
             // VM hardware may reset the processor there
};

} // namespace pagoda::vmm
