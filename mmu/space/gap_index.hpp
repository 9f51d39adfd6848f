// The free ranges below the areas of a space, to find the highest one that is long enough without
// walking all areas: a guest may have 65,530 of them.
//
// A treap (Seidel and Aragon, 1996) ordered by address, each node with the longest gap of its subtree,
// as the VMA tree of Linux had `rb_subtree_gap`. Invariants (`invariant()`): keys in order, priorities
// in heap order, every summary right.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mmu/base/address.hpp"

namespace pagoda::space {

class GapIndex {
public:
  GapIndex();
  ~GapIndex();
  GapIndex(const GapIndex &) = delete;
  GapIndex &operator=(const GapIndex &) = delete;

  // The gap below the area that begins at `area`; an empty one is forgotten.
  void set(Gva area, GvaRange gap);
  void erase(Gva area);

  // The highest place for `length` bytes inside `limit`, aligned down to `alignment`, in one gap.
  [[nodiscard]] std::optional<Gva> highest(std::uint64_t length, GvaRange limit, std::uint64_t alignment) const;
  void for_each(const std::function<void(Gva area, GvaRange gap)> &visit) const;
  [[nodiscard]] std::string invariant() const;

private:
  struct Node;
  using Link = std::unique_ptr<Node>;
  static void insert(Link &link, Link node);
  static void remove(Link &link, Gva area);
  static void split(Link tree, Gva area, Link &below, Link &rest);
  static Link join(Link below, Link above);

  Link root_;
  std::uint64_t random_ = 0x9e3779b97f4a7c15;
};

// Where `length` bytes fit highest in the part of `gap` inside `limit`.
[[nodiscard]] std::optional<Gva> fit_highest(GvaRange gap, GvaRange limit, std::uint64_t length,
                                             std::uint64_t alignment);

} // namespace pagoda::space
