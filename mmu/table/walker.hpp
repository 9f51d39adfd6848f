// A read-only walk of an x86-64 guest page table, for reports and checks. Written apart from the
// page-table template, so that each can be held against the other.
//
// Source: Intel SDM vol. 3, 4.5. It trusts nothing that it reads: an entry that leads out of RAM ends
// the walk. It takes no lock; beside a writer it sees each entry before or after the change.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "mmu/base/address.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/table/mapping.hpp"

namespace pagoda::table {

// One entry read on the way down.
struct Step {
  unsigned level = 0; // 4 is the root
  unsigned index = 0;
  Gfn table;
  std::uint64_t entry = 0;
};

enum class WalkEnd : std::uint8_t {
  Leaf,         // translated; a leaf without rights counts too
  Hole,         // an entry that is not present
  NotCanonical, // no address at all: nothing was read
  Unreadable,   // an entry named a table outside RAM
  Reserved,     // an entry with a reserved bit set: a processor raises #PF with RSVD
};

struct Walk {
  Gva gva;
  std::array<Step, 4> steps{};
  unsigned count = 0; // of steps read
  WalkEnd end = WalkEnd::Hole;
  std::optional<Mapping> mapping; // of gva's own 4K page
  // The rights left when every level is taken together, as the processor sees them.
  Prot effective = Prot::None;

  [[nodiscard]] std::span<const Step> read() const { return std::span(steps).first(count); }
};

// The entry, or nothing when the table cannot be read.
using EntryReader = std::function<std::optional<std::uint64_t>(Gfn table, unsigned index)>;

[[nodiscard]] Walk walk(const EntryReader &read, Gfn root, Gva gva);
[[nodiscard]] Walk walk(const phys::PhysicalMemory &memory, Gfn root, Gva gva);

// Lines such as
//   PML4[  0] at frame 0x00001  0x0000000000002027  -> table 0x00002
//   PT  [ 16] at frame 0x00004  0x8000000000123067  -> frame 0x00123 rw-u AD
[[nodiscard]] std::string describe(const Walk &walk);

} // namespace pagoda::table
