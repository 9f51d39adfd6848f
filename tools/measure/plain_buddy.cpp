#include "tools/measure/plain_buddy.hpp"

#include <algorithm>
#include <bit>

namespace pagoda::measure {

PlainBuddy::PlainBuddy(std::uint32_t frames) : frames_(frames) {
  heads_.fill(kNone);
  for (std::uint32_t at = 0; at < frames;) {
    const unsigned aligned = at == 0 ? kOrders - 1 : unsigned(std::countr_zero(at));
    const unsigned fits = unsigned(std::bit_width(frames - at)) - 1;
    const unsigned order = std::min({aligned, fits, kOrders - 1});
    push(at, order);
    at += 1u << order;
  }
}

std::optional<std::uint32_t> PlainBuddy::allocate(unsigned order) {
  const std::lock_guard guard(mutex_);
  const std::uint32_t enough = order < kOrders ? present_ >> order << order : 0;
  if (enough == 0) return std::nullopt;
  auto found = unsigned(std::countr_zero(enough));
  const std::uint32_t head = heads_[found];
  unlink(head);
  while (found > order) {
    --found;
    push(head + (1u << found), found);
  }
  frames_[head].state = kUsed;
  frames_[head].order = std::uint8_t(order);
  return head;
}

bool PlainBuddy::free(std::uint32_t head, unsigned order) {
  const std::lock_guard guard(mutex_);
  if (head >= frames_.size() || frames_[head].state != kUsed || frames_[head].order != order) return false;
  frames_[head].state = kBody;
  for (; order + 1 < kOrders; ++order) {
    const std::uint32_t buddy = head ^ (1u << order);
    if (buddy >= frames_.size() || frames_[buddy].state != kFree || frames_[buddy].order != order) break;
    unlink(buddy);
    head &= ~(1u << order);
  }
  push(head, order);
  return true;
}

std::array<std::uint64_t, PlainBuddy::kOrders> PlainBuddy::free_blocks() const {
  const std::lock_guard guard(mutex_);
  std::array<std::uint64_t, kOrders> counts{};
  for (unsigned order = 0; order < kOrders; ++order)
    for (std::uint32_t at = heads_[order]; at != kNone; at = frames_[at].next) ++counts[order];
  return counts;
}

void PlainBuddy::push(std::uint32_t head, unsigned order) {
  Frame &frame = frames_[head];
  frame = {heads_[order], kNone, std::uint8_t(order), kFree};
  if (frame.next != kNone) frames_[frame.next].prev = head;
  heads_[order] = head;
  present_ |= 1u << order;
}

void PlainBuddy::unlink(std::uint32_t head) {
  Frame &frame = frames_[head];
  if (frame.next != kNone) frames_[frame.next].prev = frame.prev;
  (frame.prev != kNone ? frames_[frame.prev].next : heads_[frame.order]) = frame.next;
  if (heads_[frame.order] == kNone) present_ &= ~(1u << frame.order);
  frame.state = kBody;
}

} // namespace pagoda::measure
