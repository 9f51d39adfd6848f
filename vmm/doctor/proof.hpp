// The proof of a carrier: random page-table edits, each checked by a guest access.
//
// Every frame of a pool holds a stamp that no other frame holds. An edit maps, unmaps, remaps or
// changes the rights of one page among many, through the same page-table code and invalidator that
// programs use; then the guest reads or writes a random page and must get exactly what the table
// now says: the stamp of that frame, or a page fault. A host that still uses an older entry is
// found out by the wrong stamp, by an access that should have faulted, or by a fault without reason.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/host_error.hpp"

namespace pagoda::vmm {
class ProcessVm;
}

namespace pagoda::vmm::doctor {

struct Proof {
  std::string carrier;
  std::uint64_t edits = 0;
  std::uint64_t accesses = 0;       // guest reads and writes checked
  std::uint64_t faults = 0;         // of them ended in a page fault, rightly or not
  std::uint64_t stale_allowed = 0;  // went through although the table forbids it
  std::uint64_t stale_denied = 0;   // faulted although the table allows it
  std::uint64_t wrong_frame = 0;    // reached another frame than the table names
  std::uint64_t unexpected = 0;     // ended in some other exit
  std::uint64_t edit_median_ns = 0; // edit and flush together
  std::uint64_t edit_p90_ns = 0;
  std::string failure; // not empty: the proof could not be carried out
  [[nodiscard]] std::uint64_t errors() const { return stale_allowed + stale_denied + wrong_frame + unexpected; }
  [[nodiscard]] bool passed() const { return failure.empty() && accesses > 0 && errors() == 0; }
};

inline constexpr unsigned kProofPages = 64;
inline constexpr unsigned kProofFrames = 160;

Proof prove(ProcessVm &vm, std::uint64_t edits, std::uint64_t seed);

} // namespace pagoda::vmm::doctor
