// The areas of one space, ordered by address and disjoint, with split, merge and gap search.
//
// Invariants (`invariant()`): areas are page aligned, non-empty, disjoint and in order; no two
// neighbours could be one; the index knows the gap below each area. Not locked: guarded by the space's mutex.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mmu/phys/slab/cache_allocator.hpp"
#include "mmu/space/gap_index.hpp"
#include "mmu/space/vma.hpp"

namespace pagoda::space {

class VmaTree {
public:
  // `cache`: where the areas are kept; null is the heap.
  explicit VmaTree(phys::NamedCache *cache = nullptr) : areas_(Map::allocator_type(cache)) {}

  [[nodiscard]] const Vma *find(Gva gva) const;             // the area that contains gva
  [[nodiscard]] const Vma *find_at_or_above(Gva gva) const; // that one, else the next above
  [[nodiscard]] const Vma *below(Gva gva) const;            // the last area that ends at or below gva
  [[nodiscard]] bool overlaps(GvaRange range) const;
  // True when every byte of the range lies in some area.
  [[nodiscard]] bool covers(GvaRange range) const;
  // Nothing in the range, and it does not reach into the guard gap of a stack above.
  [[nodiscard]] bool placeable(GvaRange range) const;
  // Bytes of the range that lie in areas.
  [[nodiscard]] std::uint64_t mapped_bytes(GvaRange range) const;

  void insert(Vma vma); // merges with its neighbours where they continue each other; must not overlap
  // Cuts the range out and returns what was there, split at the edges.
  std::vector<Vma> remove(GvaRange range);
  // Applies `edit(Vma&)` to every part of an area inside the range, splitting at the edges and
  // merging after; `edit` must not change the range.
  template <class Edit> void update(GvaRange range, Edit &&edit) {
    split_at(range.begin);
    split_at(range.end);
    for (auto it = areas_.lower_bound(range.begin); it != areas_.end() && it->first < range.end; ++it) edit(it->second);
    merge_around(range);
  }
  // Extends the area that begins at `vma_begin` downwards to `new_begin` (stack growth).
  void grow_down(Gva vma_begin, Gva new_begin);

  // The highest gap of `length` bytes that ends at or below `limit.end` and begins at or above
  // `limit.begin`, aligned down to `alignment`. The guard gap of a stack is not a gap.
  [[nodiscard]] std::optional<Gva> highest_gap(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const;

  // Areas that touch the range, in order.
  template <class Visit> void for_each(GvaRange range, Visit &&visit) const {
    if (range.empty()) return;
    for (auto it = at_or_above(range.begin); it != areas_.end() && it->first < range.end; ++it) visit(it->second);
  }
  // The part of `area` that lies in the range, which it touches.
  [[nodiscard]] static GvaRange clip(const Vma &area, GvaRange range) {
    return {std::max(area.range.begin, range.begin), std::min(area.range.end, range.end)};
  }
  [[nodiscard]] std::size_t size() const { return areas_.size(); }
  [[nodiscard]] std::uint64_t total_bytes() const { return bytes_; }
  [[nodiscard]] auto begin() const { return areas_.begin(); }
  [[nodiscard]] auto end() const { return areas_.end(); }
  [[nodiscard]] std::string invariant() const;

private:
  using Map = std::map<Gva, Vma, std::less<>, phys::CacheAllocator<std::pair<const Gva, Vma>>>;

  [[nodiscard]] Map::const_iterator at_or_above(Gva gva) const; // contains gva, or the first above
  void split_at(Gva point);
  void merge_around(GvaRange range); // every pair of neighbours that meet inside it or at its edges
  [[nodiscard]] GvaRange gap_below(Map::const_iterator area) const; // the guard gap of a stack left out
  void note_gap(Map::const_iterator area);                          // end(): nothing to note
  [[nodiscard]] std::string check_gaps() const;

  Map areas_;     // by range.begin
  GapIndex gaps_; // by the beginning of the area above
  std::uint64_t bytes_ = 0;
};

} // namespace pagoda::space
