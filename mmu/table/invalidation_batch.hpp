// What a table edit owes the processor before the edit may be relied on.
//
// An operation that takes rights away (unmap, remap, protect downwards) notes every leaf it changed.
// Frames and table pages that the edit set free ride in the batch and are released only by the
// consumer, after the flush. A batch must be consumed: its destructor aborts on one that was not
// (Zircon's PendingTlbInvalidation is the model). Moving out leaves an empty, consumed batch.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mmu/base/address.hpp"

namespace pagoda::table {

// One leaf that may still be cached with more rights than the table now gives.
struct StaleLeaf {
  Gva gva;
  Gfn old_frame;        // what the stale translation leads to
  std::uint32_t frames; // 1 for 4K, 512 for 2M
};

class InvalidationBatch {
public:
  InvalidationBatch() = default;
  InvalidationBatch(InvalidationBatch &&other) noexcept;
  InvalidationBatch &operator=(InvalidationBatch &&) = delete;
  ~InvalidationBatch();

  void note(StaleLeaf leaf) { stale_.push_back(leaf); }
  void release_frame(Gfn frame) { frames_.push_back(frame); } // one reference, put after the flush
  void retire_table(Gfn table) { tables_.push_back(table); }  // a table page, freed after the flush

  [[nodiscard]] bool empty() const { return stale_.empty() && frames_.empty() && tables_.empty(); }
  [[nodiscard]] const std::vector<StaleLeaf> &stale() const { return stale_; }

  // For the consumer (tlb::Invalidator) alone: hands the contents over and marks the batch consumed.
  struct Contents {
    std::vector<StaleLeaf> stale;
    std::vector<Gfn> frames;
    std::vector<Gfn> tables;
  };
  [[nodiscard]] Contents consume();

private:
  std::vector<StaleLeaf> stale_;
  std::vector<Gfn> frames_;
  std::vector<Gfn> tables_;
};

} // namespace pagoda::table
