#include "mmu/phys/buddy.hpp"

#include <algorithm>
#include <bit>

namespace pagoda::phys {

namespace {

constexpr std::uint64_t frames_in(Order order) { return 1ull << order; }

// The largest order of a block that begins at `begin` and fits below `end`.
Order piece_order(std::uint64_t begin, std::uint64_t end) {
  const int aligned = begin == 0 ? kMaxOrder : std::countr_zero(begin);
  const int fits = std::bit_width(end - begin) - 1;
  return Order(std::min({aligned, fits, int(kMaxOrder)}));
}

std::string at_frame(const char *what, std::uint64_t number) { return what + (": frame " + std::to_string(number)); }

} // namespace

void Buddy::add(GfnRange range) {
  if (range.empty()) return;
  regions_.push_back({range, range.begin.number()});
  managed_ += range.length();
  free_ += range.length();
}

std::optional<Gfn> Buddy::allocate(Order order) {
  if (order > kMaxOrder) return std::nullopt;
  Order found = order;
  for (;;) {
    for (found = order; found <= kMaxOrder && heads_[found] == 0;) ++found;
    if (found <= kMaxOrder) break;
    if (!feed()) return std::nullopt;
  }
  const std::uint64_t number = heads_[found] - 1;
  unlink(number);
  for (; found > order; --found) push(number + frames_in(Order(found - 1)), Order(found - 1));
  at(number).block = BlockState::Used;
  at(number).order = order;
  free_ -= frames_in(order);
  return Gfn(number);
}

void Buddy::split_used(Gfn head) {
  const std::uint64_t count = frames_in(at(head.number()).order);
  for (std::uint64_t i = 0; i < count; ++i) {
    Frame &frame = at(head.number() + i);
    frame.block = BlockState::Used;
    frame.order = 0;
  }
}

bool Buddy::free(Gfn head) {
  const std::uint64_t number = head.number();
  if (number >= frames_.size() || at(number).block != BlockState::Used) return false;
  const Order order = at(number).order;
  free_ += frames_in(order);
  insert_merging(number, order);
  return true;
}

std::uint64_t Buddy::free_blocks(Order order) const {
  std::uint64_t count = counts_[order];
  for (const Region &region : regions_) {
    const std::uint64_t end = region.range.end.number();
    for (std::uint64_t at = region.fresh; at < end;) {
      const Order piece = piece_order(at, end);
      // Whole blocks of the highest order lie side by side; count them in one step.
      const std::uint64_t alike = piece == kMaxOrder ? (end - at) >> kMaxOrder : 1;
      if (piece == order) count += alike;
      at += alike << piece;
    }
  }
  return count;
}

bool Buddy::manages(Gfn frame) const {
  return std::ranges::any_of(regions_, [&](const Region &region) { return region.range.contains(frame); });
}

std::vector<GfnRange> Buddy::touched() const {
  std::vector<GfnRange> result;
  result.reserve(regions_.size());
  for (const Region &region : regions_) result.push_back({region.range.begin, Gfn(region.fresh)});
  return result;
}

bool Buddy::feed() {
  for (Region &region : regions_) {
    const std::uint64_t end = region.range.end.number();
    if (region.fresh >= end) continue;
    const std::uint64_t number = region.fresh;
    const Order order = piece_order(number, end);
    region.fresh += frames_in(order);
    insert_merging(number, order);
    return true;
  }
  return false;
}

void Buddy::insert_merging(std::uint64_t number, Order order) {
  for (; order < kMaxOrder; ++order) {
    const std::uint64_t buddy = number ^ frames_in(order);
    if (buddy >= frames_.size() || at(buddy).block != BlockState::Free || at(buddy).order != order) break;
    unlink(buddy);
    at(std::max(number, buddy)).block = BlockState::Body;
    number = std::min(number, buddy);
  }
  push(number, order);
}

void Buddy::push(std::uint64_t number, Order order) {
  Frame &frame = at(number);
  frame.block = BlockState::Free;
  frame.order = order;
  frame.prev = 0;
  frame.next = heads_[order];
  if (frame.next != 0) at(frame.next - 1).prev = std::uint32_t(number + 1);
  heads_[order] = std::uint32_t(number + 1);
  ++counts_[order];
}

void Buddy::unlink(std::uint64_t number) {
  Frame &frame = at(number);
  if (frame.next != 0) at(frame.next - 1).prev = frame.prev;
  if (frame.prev != 0)
    at(frame.prev - 1).next = frame.next;
  else
    heads_[frame.order] = frame.next;
  frame.next = frame.prev = 0;
  --counts_[frame.order];
}

std::string Buddy::invariant() const {
  std::array<std::uint64_t, kMaxOrder + 1> seen{};
  std::uint64_t fresh = 0;
  for (const Region &region : regions_) {
    if (std::string wrong = check_region(region, seen); !wrong.empty()) return wrong;
    fresh += region.range.end.number() - region.fresh;
  }
  std::uint64_t listed = 0;
  for (unsigned order = 0; order <= kMaxOrder; ++order) listed += seen[order] << order;
  if (listed + fresh != free_)
    return "the count of free frames is " + std::to_string(free_) + ", not the sum of the blocks";
  return check_lists(seen);
}

std::string Buddy::check_region(const Region &region, std::array<std::uint64_t, kMaxOrder + 1> &seen) const {
  for (std::uint64_t number = region.range.begin.number(); number < region.fresh;) {
    if (std::string wrong = check_block(number, region.fresh); !wrong.empty()) return wrong;
    if (at(number).block == BlockState::Free) ++seen[at(number).order];
    number += frames_in(at(number).order);
  }
  return {};
}

std::string Buddy::check_block(std::uint64_t number, std::uint64_t end) const {
  const Frame &head = at(number);
  if (head.block == BlockState::Body) return at_frame("in no block", number);
  if (head.order > kMaxOrder || number % frames_in(head.order) != 0) return at_frame("block not aligned", number);
  if (number + frames_in(head.order) > end) return at_frame("block leaves its range", number);
  for (std::uint64_t i = 1; i < frames_in(head.order); ++i)
    if (at(number + i).block != BlockState::Body) return at_frame("head inside another block", number + i);
  const std::uint64_t buddy = number ^ frames_in(head.order);
  if (head.block == BlockState::Free && head.order < kMaxOrder && buddy < frames_.size() &&
      at(buddy).block == BlockState::Free && at(buddy).order == head.order)
    return at_frame("two free buddies not merged", number);
  return {};
}

std::string Buddy::check_lists(const std::array<std::uint64_t, kMaxOrder + 1> &seen) const {
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    if (counts_[order] != seen[order]) return "list of order " + std::to_string(order) + " has a wrong count";
    std::uint64_t length = 0;
    std::uint32_t prev = 0;
    for (std::uint32_t link = heads_[order]; link != 0; link = at(link - 1).next) {
      const Frame &frame = at(link - 1);
      if (frame.block != BlockState::Free || frame.order != order) return at_frame("on the wrong list", link - 1);
      if (frame.prev != prev) return at_frame("broken back link", link - 1);
      if (++length > seen[order]) return "list of order " + std::to_string(order) + " is too long";
      prev = link;
    }
    if (length != seen[order]) return "list of order " + std::to_string(order) + " is too short";
  }
  return {};
}

} // namespace pagoda::phys
