#include "mmu/space/policy_ranges.hpp"

#include <iterator>

namespace pagoda::space {

void PolicyRanges::cut(std::uint64_t at) {
  auto it = ranges_.lower_bound(at);
  if (it == ranges_.begin()) return;
  --it;
  if (it->second.end <= at) return;
  ranges_.emplace(at, it->second);
  it->second.end = at;
}

Result<> PolicyRanges::set(std::uint64_t begin, std::uint64_t end, const Mempolicy &policy) {
  if (begin >= end) return unexpected(Error::Invalid);
  if (ranges_.size() + 2 > kMaxRanges) return unexpected(Error::OutOfMemory);
  cut(begin);
  cut(end);
  ranges_.erase(ranges_.lower_bound(begin), ranges_.lower_bound(end));
  if (policy.is_default()) return {};
  auto it = ranges_.emplace(begin, Range{end, policy}).first;
  const auto join = [&](Map::iterator first, Map::iterator second) {
    if (first->second.end != second->first || first->second.policy != second->second.policy) return false;
    first->second.end = second->second.end;
    ranges_.erase(second);
    return true;
  };
  if (const auto next = std::next(it); next != ranges_.end()) join(it, next);
  if (it != ranges_.begin()) join(std::prev(it), it);
  return {};
}

Mempolicy PolicyRanges::at(std::uint64_t offset) const {
  auto it = ranges_.upper_bound(offset);
  if (it == ranges_.begin()) return {};
  --it;
  return offset < it->second.end ? it->second.policy : Mempolicy{};
}

} // namespace pagoda::space
