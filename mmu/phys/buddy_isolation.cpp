// Pageblocks that change their type as a whole: moved between lists, taken out of use and put back, and
// blocks that are out for the host to hear of.
#include <algorithm>

#include "mmu/phys/buddy.hpp"

namespace pagoda::phys {

GfnRange Buddy::split_whole(Gfn frame) {
  const std::optional<Block> found = free_block_of(frame);
  if (!found || found->order < kPageblockOrder) return {};
  if (found->order == kPageblockOrder) return found->frames();
  const Migratetype type = type_of(found->head);
  take(found->head, found->order, type);
  for (Gfn at = found->head; at < found->frames().end; at = at + kPageblockFrames) put(at, kPageblockOrder, type);
  return found->frames();
}

void Buddy::merge_again(Gfn pageblock) {
  const PageBlock &block = block_of(pageblock);
  if (block.whole != kPageblockOrder + 1) return;
  take(pageblock, kPageblockOrder, block.type());
  merge_and_put(pageblock, kPageblockOrder);
}

void Buddy::set_type(Gfn frame, Migratetype type) {
  const Gfn begin(frame.number() & ~(kPageblockFrames - 1));
  // All of it must be on lists, or what is fed later would be accounted to another type.
  for (const Region &region : regions_) {
    const Gfn last = std::min(region.range.end, begin + kPageblockFrames);
    if (std::max(region.range.begin, begin) < last) feed_through(Gfn(last.number() - 1));
  }
  PageBlock &block = block_of(begin);
  const Migratetype before = block.type();
  if (before == type) return;
  const GfnRange split = split_whole(begin);
  std::uint64_t moved = block.free_frames();
  for (Order order = 0; order < kPageblockOrder; ++order) {
    const std::uint16_t count = block.counts[order];
    if (count == 0) continue;
    List &from = list(before);
    from.counts[order] -= count;
    from.sets[order].erase(index_of(begin));
    if (from.sets[order].empty()) from.orders &= ~(1u << order);
    List &to = list(type);
    to.counts[order] += count;
    to.sets[order].insert(index_of(begin));
    to.orders |= 1u << order;
  }
  if (block.whole != 0) {
    take(begin, kPageblockOrder, before);
    put(begin, kPageblockOrder, type);
    moved += kPageblockFrames;
  }
  account(before, -std::int64_t(moved));
  account(type, std::int64_t(moved));
  if (before == Migratetype::HighAtomic) --high_atomic_pageblocks_;
  if (type == Migratetype::HighAtomic) ++high_atomic_pageblocks_;
  block.set_type(type);
  merge_again(begin);
  for (Gfn at = split.begin; at < split.end; at = at + kPageblockFrames) merge_again(at);
}

bool Buddy::isolate(Gfn pageblock) {
  PageBlock &block = block_of(pageblock);
  if (block.type() == Migratetype::Isolate) return false;
  block.type_before = std::uint8_t(block.type());
  set_type(pageblock, Migratetype::Isolate);
  return true;
}

void Buddy::unisolate(Gfn pageblock) {
  PageBlock &block = block_of(pageblock);
  if (block.type() != Migratetype::Isolate) return;
  set_type(pageblock, Migratetype(block.type_before));
}

std::uint64_t Buddy::take_isolated(Gfn pageblock, std::vector<Block> &out) {
  PageBlock &block = block_of(pageblock);
  const Gfn begin(pageblock.number() & ~(kPageblockFrames - 1));
  if (block.type() != Migratetype::Isolate) return 0;
  std::uint64_t taken = 0;
  const auto take_out = [&](Gfn head, Order order) {
    take(head, order, Migratetype::Isolate);
    out.push_back({head, order});
    taken += frames_in(order);
  };
  if (block.whole != 0) take_out(begin, kPageblockOrder);
  for (Order order = 0; order < kPageblockOrder; ++order)
    while (block.counts[order] != 0) take_out(begin + PageBlock::offset_of(block.lowest(order), order), order);
  account(Migratetype::Isolate, -std::int64_t(taken));
  return taken;
}

std::optional<Block> Buddy::begin_report(Order least) {
  least = std::max(least, kPageblockOrder);
  for (unsigned type = 0; type < kMobilities; ++type) {
    for (int order = options_.max_order; order >= int(least); --order) {
      const IndexSet &set = lists_[type].sets[std::size_t(order)];
      const std::uint64_t size = frames_in(Order(order - kPageblockOrder));
      for (std::uint32_t at = set.next(0, pageblock_count_); at != IndexSet::kNone;
           at = set.next(at + 1, pageblock_count_)) {
        const std::span<PageBlock> blocks = table_.subspan(first_pageblock_ + at, size);
        if (std::ranges::all_of(blocks, &PageBlock::reported)) continue;
        const Block block{Gfn((first_pageblock_ + at) << kPageblockOrder), Order(order)};
        take(block.head, block.order, Migratetype(type));
        account(Migratetype(type), -std::int64_t(frames_in(block.order)));
        for (PageBlock &each : blocks) each.reported = true;
        return block;
      }
    }
  }
  return std::nullopt;
}

void Buddy::finish_report(const Block &block) {
  account(type_of(block.head), std::int64_t(frames_in(block.order)));
  merge_and_put(block.head, block.order);
}

} // namespace pagoda::phys
