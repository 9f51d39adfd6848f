// What a leaf says, whatever its format.
#pragma once

#include <cstdint>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"

namespace pagoda::table {

// What a new leaf says of its use. A processor sets A and D itself, at the price of a locked update; a
// hypervisor that shadows the table pays with a fault for each, and looks ahead only at leaves with A.
enum class Use : std::uint8_t {
  None,
  Accessed, // about to be used
  Written,  // and written to, where the leaf may be written
};

// How a page is to be mapped.
struct Leaf {
  constexpr Leaf(Prot rights, Use said = Use::None) : prot(rights), use(said) {} // NOLINT(google-explicit-constructor)
  Prot prot;
  Use use;
};

struct Mapping {
  Gfn frame;
  Prot prot = Prot::None; // as the format can express it; a PROT_NONE leaf keeps its frame
  unsigned level = 1;     // 1 is 4K, 2 is 2M, 3 is 1G
  bool accessed = false;
  bool dirty = false;

  bool operator==(const Mapping &) const = default;
};

} // namespace pagoda::table
