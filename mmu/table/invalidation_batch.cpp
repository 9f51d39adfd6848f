#include "mmu/table/invalidation_batch.hpp"

#include "mmu/base/broken.hpp"

namespace pagoda::table {

InvalidationBatch::InvalidationBatch(InvalidationBatch &&other) noexcept
    : stale_(std::exchange(other.stale_, {})), frames_(std::exchange(other.frames_, {})),
      tables_(std::exchange(other.tables_, {})) {}

InvalidationBatch::~InvalidationBatch() {
  if (!empty()) broken("an invalidation batch was dropped: its flush is still owed");
}

InvalidationBatch::Contents InvalidationBatch::consume() {
  return {std::exchange(stale_, {}), std::exchange(frames_, {}), std::exchange(tables_, {})};
}

} // namespace pagoda::table
