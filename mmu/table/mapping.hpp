// What a leaf says, whatever its format.
#pragma once

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"

namespace pagoda::table {

struct Mapping {
  Gfn frame;
  Prot prot = Prot::None; // as the format can express it; a PROT_NONE leaf keeps its frame
  unsigned level = 1;     // 1 is 4K, 2 is 2M, 3 is 1G
  bool accessed = false;
  bool dirty = false;

  bool operator==(const Mapping &) const = default;
};

} // namespace pagoda::table
