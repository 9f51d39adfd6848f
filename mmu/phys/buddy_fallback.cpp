// Taking from other types' pageblocks when one's own have nothing left (Linux, mm/page_alloc.c:
// __rmqueue_claim and __rmqueue_steal).
//
// Claiming comes first and looks at the largest block there is: a pageblock that is half free, or whose
// frames are half of one's own kind, becomes one's own, and the requests after this one find frames
// there without another fallback. Only when no pageblock can be claimed are the smallest frames that
// will do taken from a pageblock that stays what it is.
#include <algorithm>

#include "mmu/phys/buddy.hpp"

namespace pagoda::phys {

namespace {

// A movable page does little harm in a foreign pageblock, so for movable requests it is worth a whole
// pageblock only when the block found is large.
bool worth_claiming(Order found, Migratetype type) {
  return found >= kPageblockOrder / 2 || type != Migratetype::Movable;
}

} // namespace

std::optional<Gfn> Buddy::allocate_fallback(Order order, Migratetype type) {
  if (unsigned(type) >= kMobilities) return std::nullopt;
  if (!options_.group_by_mobility) return std::nullopt;
  // Untouched memory is the best there is to claim.
  const std::uint32_t large = ~0u << std::max(order, kPageblockOrder);
  const auto has_large = [&] {
    return std::ranges::any_of(fallbacks(type), [&](Migratetype other) { return (list(other).orders & large) != 0; });
  };
  while (!has_large() && feed()) {}
  if (const std::optional<Gfn> head = claim(order, type)) return head;
  return steal(order, type);
}

std::optional<Gfn> Buddy::claim(Order order, Migratetype type) {
  for (int found = options_.max_order; found >= int(order); --found) {
    for (Migratetype other : fallbacks(type)) {
      if ((list(other).orders >> found & 1) == 0) continue;
      if (!worth_claiming(Order(found), type)) return std::nullopt;
      if (try_to_claim(first(list(other), Order(found)), Order(found), order, type)) return allocate_own(order, type);
    }
  }
  return std::nullopt;
}

bool Buddy::try_to_claim(Gfn head, Order order, Order wanted, Migratetype type) {
  const Migratetype before = type_of(head);
  if (order >= kPageblockOrder) {
    // No more than the request needs: the rest of a larger block stays as it was.
    const Order piece = std::max(wanted, kPageblockOrder);
    take(head, order, before);
    put_rest(head, order, piece, before);
    const std::uint64_t number = head.number() >> kPageblockOrder;
    for (std::uint64_t i = 0; i < frames_in(Order(piece - kPageblockOrder)); ++i) table_[number + i].set_type(type);
    put(head, piece, type);
    ++claims_;
    return true;
  }
  const Gfn begin(head.number() & ~(kPageblockFrames - 1));
  const std::uint64_t free = block_of(head).free_frames();
  std::uint64_t alike = 0;
  if (occupancy_ != nullptr) {
    const std::uint64_t movable = occupancy_->movable_frames({begin, begin + kPageblockFrames});
    if (type == Migratetype::Movable)
      alike = movable;
    else if (before == Migratetype::Movable)
      // What is neither free nor movable has the same trouble with moving.
      alike = kPageblockFrames - std::min(kPageblockFrames, free + movable);
  }
  if (free + alike < kPageblockFrames / 2) return false;
  set_type(head, type);
  ++claims_;
  return true;
}

std::optional<Gfn> Buddy::steal(Order order, Migratetype type) {
  for (unsigned found = order; found <= options_.max_order; ++found) {
    for (Migratetype other : fallbacks(type)) {
      if ((list(other).orders >> found & 1) == 0) continue;
      ++steals_;
      return allocate_own(order, other);
    }
  }
  return std::nullopt;
}

// --- pageblocks kept back

bool Buddy::reserve_high_atomic(Gfn frame) {
  if (unsigned(type_of(frame)) >= kMobilities) return false;
  set_type(frame, Migratetype::HighAtomic);
  return true;
}

bool Buddy::unreserve_high_atomic(Migratetype type) {
  List &from = list(Migratetype::HighAtomic);
  if (from.orders == 0) return false;
  set_type(first(from, Order(std::countr_zero(from.orders))), effective(type));
  return true;
}

} // namespace pagoda::phys
