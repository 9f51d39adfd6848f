// The areas of one space, ordered by address and disjoint, with split, merge and gap search.
//
// Invariants (`invariant()`): areas are page aligned, non-empty, disjoint and in order; no two
// neighbours could be one. Not locked: guarded by the space's mutex.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mmu/space/vma.hpp"

namespace pagoda::space {

class VmaTree {
public:
  [[nodiscard]] const Vma *find(Gva gva) const;             // the area that contains gva
  [[nodiscard]] const Vma *find_at_or_above(Gva gva) const; // that one, else the next above
  [[nodiscard]] const Vma *below(Gva gva) const;            // the last area that ends at or below gva
  [[nodiscard]] bool overlaps(GvaRange range) const;
  // True when every byte of the range lies in some area.
  [[nodiscard]] bool covers(GvaRange range) const;

  void insert(Vma vma); // merges with its neighbours where they continue each other; must not overlap
  // Cuts the range out and returns what was there, split at the edges.
  std::vector<Vma> remove(GvaRange range);
  // Applies `edit(Vma&)` to every part of an area inside the range, splitting at the edges and
  // merging after; `edit` must not change the range.
  template <class Edit> void update(GvaRange range, Edit &&edit);
  // Extends the area that begins at `vma_begin` downwards to `new_begin` (stack growth).
  void grow_down(Gva vma_begin, Gva new_begin);

  // The highest gap of `length` bytes that ends at or below `limit.end` and begins at or above
  // `limit.begin`, aligned down to `alignment`.
  [[nodiscard]] std::optional<Gva> highest_gap(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const;

  template <class Visit> void for_each(GvaRange range, Visit &&visit) const; // areas that touch the range
  [[nodiscard]] std::size_t size() const { return areas_.size(); }
  [[nodiscard]] std::uint64_t total_bytes() const { return bytes_; }
  [[nodiscard]] auto begin() const { return areas_.begin(); }
  [[nodiscard]] auto end() const { return areas_.end(); }
  [[nodiscard]] std::string invariant() const;

private:
  std::map<Gva, Vma> areas_; // by range.begin
  std::uint64_t bytes_ = 0;
};

} // namespace pagoda::space
