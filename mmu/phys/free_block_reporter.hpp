// Tells the host about memory that the guest does not use (free page reporting; Linux,
// mm/page_reporting.c).
#pragma once

#include "mmu/base/address.hpp"

namespace pagoda::phys {

class FreeBlockReporter {
public:
  virtual ~FreeBlockReporter() = default;
  // The block is free and taken out of use until the call returns: its contents may be discarded. No lock
  // is held. Called once for a block until it was handed out again.
  virtual void report(GfnRange block) = 0;
};

} // namespace pagoda::phys
