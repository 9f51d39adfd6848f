#include "mmu/phys/buddy.hpp"

#include <algorithm>
#include <bit>

namespace pagoda::phys {

namespace {

// The largest order of a block that begins at `begin` and fits below `end`.
Order piece_order(std::uint64_t begin, std::uint64_t end, Order highest) {
  const int aligned = begin == 0 ? highest : std::countr_zero(begin);
  const int fits = std::bit_width(end - begin) - 1;
  return Order(std::min({aligned, fits, int(highest)}));
}

} // namespace

Buddy::Buddy(std::span<PageBlock> table, GfnRange span, BuddyOptions options, const Occupancy *occupancy)
    : table_(table), span_(span), first_pageblock_(span.begin.number() >> kPageblockOrder),
      pageblock_count_(((span.end.number() + kPageblockFrames - 1) >> kPageblockOrder) - first_pageblock_),
      options_(options), occupancy_(occupancy) {
  options_.max_order = std::clamp(options_.max_order, kPageblockOrder, kLargestOrder);
  const std::size_t each = IndexSet::words(pageblock_count_);
  words_ = Metadata<std::uint64_t>(each * kMigratetypes * (options_.max_order + 1u));
  std::uint64_t *next = words_.data();
  for (List &of_type : lists_)
    for (unsigned order = 0; order <= options_.max_order; ++order, next += each)
      of_type.sets[order] = IndexSet(next, pageblock_count_);
}

void Buddy::add(GfnRange range) {
  if (range.empty()) return;
  regions_.push_back({range, range.begin.number()});
  managed_ += range.length();
  account(Migratetype::Movable, std::int64_t(range.length()));
}

void Buddy::account(Migratetype type, std::int64_t frames) {
  const auto change = [frames](std::atomic<std::uint64_t> &count) {
    count.store(count.load(std::memory_order_relaxed) + std::uint64_t(frames), std::memory_order_relaxed);
  };
  if (type == Migratetype::HighAtomic) change(high_atomic_);
  change(type == Migratetype::Isolate ? isolated_ : free_);
}

// --- lists

void Buddy::put_small(PageBlock &block, std::uint32_t index, unsigned bit, Order order, List &to) {
  block.set(bit);
  ++to.counts[order];
  if (block.counts[order]++ != 0) return;
  to.sets[order].insert(index);
  to.orders |= 1u << order;
}

void Buddy::take_small(PageBlock &block, std::uint32_t index, unsigned bit, Order order, List &from) {
  block.clear(bit);
  --from.counts[order];
  if (--block.counts[order] != 0) return;
  from.sets[order].erase(index);
  if (from.sets[order].empty()) from.orders &= ~(1u << order);
}

void Buddy::put(Gfn head, Order order, Migratetype type) {
  PageBlock &block = block_of(head);
  List &to = list(type);
  if (order < kPageblockOrder) {
    put_small(block, index_of(head), PageBlock::bit_of(head.number() & (kPageblockFrames - 1), order), order, to);
    return;
  }
  block.whole = std::uint8_t(order + 1);
  to.sets[order].insert(index_of(head));
  to.orders |= 1u << order;
  ++to.counts[order];
}

void Buddy::take(Gfn head, Order order, Migratetype type) {
  PageBlock &block = block_of(head);
  List &from = list(type);
  if (order < kPageblockOrder) {
    take_small(block, index_of(head), PageBlock::bit_of(head.number() & (kPageblockFrames - 1), order), order, from);
    return;
  }
  block.whole = 0;
  from.sets[order].erase(index_of(head));
  if (from.sets[order].empty()) from.orders &= ~(1u << order);
  --from.counts[order];
}

Gfn Buddy::first(const List &from, Order order) const {
  const std::uint64_t number = first_pageblock_ + from.sets[order].first();
  if (order >= kPageblockOrder) return Gfn(number << kPageblockOrder);
  return Gfn((number << kPageblockOrder) + PageBlock::offset_of(table_[number].lowest(order), order));
}

void Buddy::put_rest(Gfn head, Order from, Order to, Migratetype type) {
  for (Order order = from; order > to; --order) put(head + frames_in(Order(order - 1)), Order(order - 1), type);
}

// --- allocation

std::optional<Gfn> Buddy::allocate_own(Order order, Migratetype type) {
  if (order > options_.max_order) return std::nullopt;
  List &from = list(type);
  const std::uint32_t large_enough = from.orders >> order;
  if (large_enough == 0) return std::nullopt;
  const auto found = Order(order + std::countr_zero(large_enough));
  const Gfn head = first(from, found);
  take(head, found, type);
  put_rest(head, found, order, type);
  account(type, -std::int64_t(frames_in(order)));
  const std::uint64_t number = head.number() >> kPageblockOrder;
  const std::uint64_t count = order <= kPageblockOrder ? 1 : frames_in(Order(order - kPageblockOrder));
  for (std::uint64_t i = 0; i < count; ++i) table_[number + i].reported = false;
  return head;
}

std::optional<Gfn> Buddy::allocate(Order order, Migratetype type) {
  if (order > options_.max_order) return std::nullopt;
  type = effective(type);
  if (const std::optional<Gfn> head = allocate_own(order, type)) return head;
  if (type == Migratetype::Movable)
    while (feed())
      if (const std::optional<Gfn> head = allocate_own(order, type)) return head;
  return allocate_fallback(order, type);
}

std::size_t Buddy::pop_frames(Migratetype type, std::uint64_t frames, std::span<Block> out) {
  List &from = list(type);
  const std::uint32_t index = from.sets[0].first();
  PageBlock &block = table_[first_pageblock_ + index];
  const Gfn begin((first_pageblock_ + index) << kPageblockOrder);
  const std::size_t wanted = std::min<std::uint64_t>({frames, out.size(), block.counts[0]});
  std::size_t had = 0;
  for (unsigned word = kPageblockFrames / 64; had < wanted; ++word) {
    std::uint64_t &bits = block.tree[word];
    for (; bits != 0 && had < wanted; bits &= bits - 1)
      out[had++] = {begin + (word * 64 + unsigned(std::countr_zero(bits)) - kPageblockFrames), 0};
  }
  block.counts[0] = std::uint16_t(block.counts[0] - had);
  block.reported = false;
  from.counts[0] -= had;
  if (block.counts[0] == 0) {
    from.sets[0].erase(index);
    if (from.sets[0].empty()) from.orders &= ~1u;
  }
  account(type, -std::int64_t(had));
  return had;
}

std::size_t Buddy::allocate_scattered(std::uint64_t frames, Migratetype type, std::span<Block> out) {
  type = effective(type);
  std::size_t blocks = 0;
  while (frames != 0 && blocks < out.size()) {
    const std::uint32_t orders = list(type).orders;
    if ((orders & 1) != 0) {
      const std::size_t had = pop_frames(type, frames, out.subspan(blocks));
      blocks += had;
      frames -= had;
      continue;
    }
    // The smallest block there is, or as much of it as is wanted.
    const unsigned order = orders == 0 ? 0 : unsigned(std::countr_zero(orders));
    const auto part = Order(std::min<unsigned>(order, unsigned(std::bit_width(frames)) - 1));
    const std::optional<Gfn> head = allocate(part, type);
    if (!head) break;
    out[blocks++] = {*head, part};
    frames -= frames_in(part);
  }
  return blocks;
}

std::optional<GfnRange> Buddy::allocate_run(std::uint64_t frames, Migratetype type) {
  if (frames == 0) return std::nullopt;
  // The smallest block that holds all of it, or else the largest there is.
  for (int order = std::min(int(std::bit_width(frames - 1)), int(options_.max_order)); order >= 0; --order) {
    const std::optional<Gfn> head = allocate(Order(order), type);
    if (!head) continue;
    const std::uint64_t taken = std::min(frames, frames_in(Order(order)));
    give_back(GfnRange{*head + taken, *head + frames_in(Order(order))});
    return GfnRange{*head, *head + taken};
  }
  return std::nullopt;
}

// --- free

bool Buddy::can_merge(std::uint64_t pageblock, Order order, Migratetype type) const {
  if (pageblock - first_pageblock_ >= pageblock_count_) return false;
  const PageBlock &block = table_[pageblock];
  if (block.whole != order + 1) return false;
  // What is kept back or isolated stays by itself.
  if (type == Migratetype::Isolate) return false;
  return block.type() == type || (unsigned(block.type()) < kMobilities && unsigned(type) < kMobilities);
}

void Buddy::merge_and_put(Gfn head, Order order) {
  PageBlock &block = block_of(head);
  const Migratetype type = block.type();
  if (order < kPageblockOrder) {
    List &of_type = list(type);
    const std::uint32_t index = index_of(head);
    unsigned bit = PageBlock::bit_of(head.number() & (kPageblockFrames - 1), order);
    for (; order < kPageblockOrder && block.test(bit ^ 1); ++order, bit >>= 1)
      take_small(block, index, bit ^ 1, order, of_type);
    if (order < kPageblockOrder) {
      put_small(block, index, bit, order, of_type);
      return;
    }
  }
  std::uint64_t number = head.number() >> kPageblockOrder;
  for (; order < options_.max_order; ++order) {
    const std::uint64_t size = frames_in(Order(order - kPageblockOrder));
    const std::uint64_t buddy = number ^ size;
    if (!can_merge(buddy, order, type)) break;
    take(Gfn(buddy << kPageblockOrder), order, table_[buddy].type());
    if (table_[buddy].type() != type)
      for (std::uint64_t i = 0; i < size; ++i) table_[buddy + i].set_type(type);
    number = std::min(number, buddy);
  }
  put(Gfn(number << kPageblockOrder), order, type);
}

void Buddy::give_back(Gfn head, Order order) {
  account(block_of(head).type(), std::int64_t(frames_in(order)));
  merge_and_put(head, order);
}

void Buddy::give_back(GfnRange run) {
  for (std::uint64_t at = run.begin.number(); at < run.end.number();) {
    const Order order = piece_order(at, run.end.number(), options_.max_order);
    // A block over several pageblocks is accounted in one, so they must be of one type.
    const Order piece = std::min(order, kPageblockOrder);
    give_back(Gfn(at), piece);
    at += frames_in(piece);
  }
}

void Buddy::give_back(std::span<const std::uint32_t> frames) {
  std::array<std::int64_t, kMigratetypes> given{};
  for (std::size_t i = 0; i < frames.size();) {
    // Neighbours that were freed one after another go back as one block.
    const std::uint64_t begin = frames[i];
    std::uint64_t end = begin + 1;
    const std::uint64_t last = (begin | (kPageblockFrames - 1)) + 1;
    for (++i; i < frames.size() && frames[i] == end && end < last; ++i) ++end;
    given[unsigned(block_of(Gfn(begin)).type())] += std::int64_t(end - begin);
    for (std::uint64_t at = begin; at < end;) {
      const Order order = end - at == 1 ? Order(0) : piece_order(at, end, kPageblockOrder);
      merge_and_put(Gfn(at), order);
      at += frames_in(order);
    }
  }
  for (unsigned type = 0; type < kMigratetypes; ++type)
    if (given[type] != 0) account(Migratetype(type), given[type]);
}

bool Buddy::free(Gfn head, Order order) {
  if (order > options_.max_order || head.number() % frames_in(order) != 0 || overlaps_free(head, order)) return false;
  if (order <= kPageblockOrder)
    give_back(head, order);
  else
    give_back(GfnRange{head, head + frames_in(order)});
  return true;
}

bool Buddy::overlaps_free(Gfn head, Order order) const {
  const GfnRange frames{head, head + frames_in(order)};
  const auto fed = [&](const Region &region) {
    return region.range.begin <= frames.begin && frames.end.number() <= region.fresh;
  };
  if (frames.end < frames.begin || std::ranges::none_of(regions_, fed)) return true;
  if (free_block_of(head)) return true;
  if (order >= kPageblockOrder) {
    for (Gfn at = head; at < frames.end; at = at + kPageblockFrames)
      if (block_of(at).whole != 0 || block_of(at).free_frames() != 0) return true;
    return false;
  }
  for (Gfn at = head; at < frames.end; at = at + 1)
    if (free_block_of(at)) return true;
  return false;
}

std::optional<Block> Buddy::free_block_of(Gfn frame) const {
  if (frame < span_.begin || !(frame < span_.end)) return std::nullopt;
  const unsigned offset = frame.number() & (kPageblockFrames - 1);
  const PageBlock &block = block_of(frame);
  for (Order order = 0; order < kPageblockOrder; ++order)
    if (block.counts[order] != 0 && block.test(PageBlock::bit_of(offset, order)))
      return Block{Gfn(frame.number() & ~(frames_in(order) - 1)), order};
  for (Order order = kPageblockOrder; order <= options_.max_order; ++order) {
    const Gfn head(frame.number() & ~(frames_in(order) - 1));
    if (head.number() >> kPageblockOrder < first_pageblock_) break;
    if (block_of(head).whole == order + 1) return Block{head, order};
  }
  return std::nullopt;
}

// --- fresh memory

bool Buddy::feed() {
  for (Region &region : regions_) {
    const std::uint64_t end = region.range.end.number();
    if (region.fresh >= end) continue;
    const std::uint64_t number = region.fresh;
    const Order order = piece_order(number, end, options_.max_order);
    region.fresh += frames_in(order);
    merge_and_put(Gfn(number), order);
    return true;
  }
  return false;
}

void Buddy::feed_through(Gfn frame) {
  for (Region &region : regions_) {
    if (!region.range.contains(frame)) continue;
    while (region.fresh <= frame.number()) {
      const std::uint64_t number = region.fresh;
      const Order order = piece_order(number, region.range.end.number(), options_.max_order);
      region.fresh += frames_in(order);
      merge_and_put(Gfn(number), order);
    }
  }
}

// --- figures

std::uint64_t Buddy::fresh_frames() const {
  std::uint64_t sum = 0;
  for (const Region &region : regions_) sum += region.range.end.number() - region.fresh;
  return sum;
}

std::uint64_t Buddy::free_blocks(Order order, Migratetype type) const {
  std::uint64_t count = list(type).counts[order];
  if (type != Migratetype::Movable) return count;
  for (const Region &region : regions_) {
    const std::uint64_t end = region.range.end.number();
    for (std::uint64_t at = region.fresh; at < end;) {
      const Order piece = piece_order(at, end, options_.max_order);
      // Whole blocks of the highest order lie side by side; count them in one step.
      const std::uint64_t alike = piece == options_.max_order ? (end - at) >> options_.max_order : 1;
      if (piece == order) count += alike;
      at += alike << piece;
    }
  }
  return count;
}

std::uint64_t Buddy::free_blocks(Order order) const {
  std::uint64_t sum = 0;
  for (unsigned type = 0; type < kMigratetypes; ++type) sum += free_blocks(order, Migratetype(type));
  return sum;
}

std::array<std::uint64_t, kMigratetypes> Buddy::pageblocks() const {
  std::array<std::uint64_t, kMigratetypes> result{};
  for (const Region &region : regions_) {
    const std::uint64_t end = (region.range.end.number() + kPageblockFrames - 1) >> kPageblockOrder;
    const std::uint64_t fed = (region.fresh + kPageblockFrames - 1) >> kPageblockOrder;
    for (std::uint64_t number = region.range.begin.number() >> kPageblockOrder; number < std::min(fed, end); ++number)
      ++result[unsigned(table_[number].type())];
    result[unsigned(Migratetype::Movable)] += end - std::min(fed, end);
  }
  return result;
}

bool Buddy::has_block(Order order, bool with_high_atomic) const {
  std::uint32_t orders = 0;
  for (unsigned type = 0; type < kMobilities; ++type) orders |= lists_[type].orders;
  if (with_high_atomic) orders |= list(Migratetype::HighAtomic).orders;
  if (orders >> order != 0) return true;
  for (const Region &region : regions_) {
    std::uint64_t at = region.fresh;
    const std::uint64_t end = region.range.end.number();
    for (; at < end && at % frames_in(options_.max_order) != 0;) {
      const Order piece = piece_order(at, end, options_.max_order);
      if (piece >= order) return true;
      at += frames_in(piece);
    }
    if (at < end && end - at >= frames_in(order)) return true;
  }
  return false;
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

std::vector<GfnRange> Buddy::added() const {
  std::vector<GfnRange> result;
  result.reserve(regions_.size());
  for (const Region &region : regions_) result.push_back(region.range);
  return result;
}

} // namespace pagoda::phys
