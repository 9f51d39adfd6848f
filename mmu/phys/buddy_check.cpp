// The invariants of the buddy; slow, for tests and debug builds.
#include <algorithm>

#include "mmu/phys/buddy.hpp"

namespace pagoda::phys {

namespace {

std::string at_frame(const char *what, std::uint64_t number) { return what + (": frame " + std::to_string(number)); }

} // namespace

std::string Buddy::check_pageblock(std::uint64_t number) const {
  const PageBlock &block = table_[number];
  const std::uint64_t begin = number << kPageblockOrder;
  if ((block.tree[0] & 3) != 0) return at_frame("a bit of the tree that stands for nothing", begin);
  const auto fed = [&](std::uint64_t first, std::uint64_t last) {
    return std::ranges::any_of(
        regions_, [&](const Region &region) { return region.range.begin.number() <= first && last < region.fresh; });
  };
  const auto inside = [&](std::uint64_t whole_order) {
    const std::uint64_t head = number & ~((1ull << (whole_order - kPageblockOrder)) - 1);
    return head >= first_pageblock_ && head != number && table_[head].whole == whole_order + 1;
  };
  bool covered = block.whole != 0;
  for (unsigned order = kPageblockOrder + 1u; order <= options_.max_order; ++order) covered |= inside(order);
  for (Order order = 0; order < kPageblockOrder; ++order) {
    unsigned seen = 0;
    for (unsigned bit = unsigned(kPageblockFrames) >> order; bit < 2 * unsigned(kPageblockFrames) >> order; ++bit) {
      if (!block.test(bit)) continue;
      ++seen;
      const std::uint64_t first = begin + PageBlock::offset_of(bit, order);
      if (covered) return at_frame("free twice, by itself and in a block of pageblocks", first);
      if (!fed(first, first + frames_in(order) - 1)) return at_frame("free but not managed", first);
      if (block.test(bit ^ 1)) return at_frame("two free buddies not merged", first);
      for (unsigned above = bit >> 1; above > 1; above >>= 1)
        if (block.test(above)) return at_frame("a free block inside another", first);
    }
    if (seen != block.counts[order]) return at_frame("a pageblock's count is wrong", begin);
    const bool listed = list(block.type()).sets[order].contains(std::uint32_t(number - first_pageblock_));
    if (listed != (seen != 0)) return at_frame("a pageblock is on a list it should not be on, or missing", begin);
  }
  if (block.whole == 0) return {};
  const unsigned order = block.whole - 1u;
  if (order < kPageblockOrder || order > options_.max_order || begin % frames_in(Order(order)) != 0)
    return at_frame("block not aligned", begin);
  if (!fed(begin, begin + frames_in(Order(order)) - 1)) return at_frame("block leaves its range", begin);
  for (unsigned above = order + 1; above <= options_.max_order; ++above)
    if (inside(above)) return at_frame("a free block inside another", begin);
  const std::uint64_t size = frames_in(Order(order - kPageblockOrder));
  for (std::uint64_t i = 0; i < size; ++i)
    if (table_[number + i].type() != block.type()) return at_frame("a free block of several types", begin);
  if (order < options_.max_order && can_merge(number ^ size, Order(order), block.type()))
    return at_frame("two free buddies not merged", begin);
  if (!list(block.type()).sets[order].contains(std::uint32_t(number - first_pageblock_)))
    return at_frame("a free block on no list", begin);
  return {};
}

std::string Buddy::check_lists() const {
  std::array<std::array<std::uint64_t, kLargestOrder + 1>, kMigratetypes> seen{};
  std::vector<std::uint64_t> numbers; // a pageblock may hold the end of one region and the beginning of the next
  for (const Region &region : regions_)
    for (std::uint64_t number = region.range.begin.number() >> kPageblockOrder;
         number << kPageblockOrder < region.fresh; ++number)
      numbers.push_back(number);
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  for (std::uint64_t number : numbers) {
    const PageBlock &block = table_[number];
    auto &of_type = seen[unsigned(block.type())];
    for (unsigned order = 0; order < kPageblockOrder; ++order) of_type[order] += block.counts[order];
    if (block.whole != 0) ++of_type[block.whole - 1u];
  }
  std::uint64_t free = fresh_frames();
  for (unsigned type = 0; type < kMigratetypes; ++type) {
    std::uint64_t frames = 0;
    for (unsigned order = 0; order <= options_.max_order; ++order) {
      if (seen[type][order] != lists_[type].counts[order])
        return "list of order " + std::to_string(order) + " has a wrong count";
      if (lists_[type].sets[order].empty() == ((lists_[type].orders >> order & 1) != 0))
        return "the summary of order " + std::to_string(order) + " is wrong";
      if (lists_[type].sets[order].empty() != (seen[type][order] == 0))
        return "list of order " + std::to_string(order) + " has blocks that are not free";
      frames += seen[type][order] << order;
    }
    if (Migratetype(type) == Migratetype::Isolate) {
      if (frames != isolated_frames()) return "isolated frames are miscounted";
      continue;
    }
    if (Migratetype(type) == Migratetype::HighAtomic && frames != high_atomic_free())
      return "frames kept back are miscounted";
    free += frames;
  }
  if (free != free_frames())
    return "the count of free frames is " + std::to_string(free_frames()) + ", not the sum of the blocks";
  return {};
}

std::string Buddy::invariant() const {
  for (const GfnRange &range : touched())
    for (std::uint64_t number = range.begin.number() >> kPageblockOrder; number << kPageblockOrder < range.end.number();
         ++number)
      if (std::string wrong = check_pageblock(number); !wrong.empty()) return wrong;
  return check_lists();
}

} // namespace pagoda::phys
