// The fault path's way into a space: areas, table and counts, with the space's mutex held.
#pragma once

#include "mmu/space/space.hpp"

namespace pagoda::space {

class SpaceFaultAccess {
public:
  static VmaTree &areas(Space &space) PAGODA_REQUIRES(space.mutex) { return space.areas_; }
  static ProcessTable &table(Space &space) PAGODA_REQUIRES(space.mutex) { return space.table_; }
  static const Limits &limits(Space &space) PAGODA_REQUIRES(space.mutex) { return space.limits_; }
  // Whether `bytes` more of `area` may exist.
  static bool admits(Space &space, const Vma &area, std::uint64_t bytes) PAGODA_REQUIRES(space.mutex) {
    return space.admit(area, bytes).has_value();
  }
  static void grow_down(Space &space, Gva vma_begin, Gva new_begin) PAGODA_REQUIRES(space.mutex) {
    space.grow_down(vma_begin, new_begin);
  }
  static void count(Space &space, const Vma &area, std::uint64_t pages) PAGODA_REQUIRES(space.mutex) {
    space.count(area, pages);
  }
  static void finish(Space &space, table::InvalidationBatch batch) PAGODA_REQUIRES(space.mutex) {
    space.finish(std::move(batch));
  }
};

} // namespace pagoda::space
