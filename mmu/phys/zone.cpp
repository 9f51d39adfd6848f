#include "mmu/phys/zone.hpp"

#include <algorithm>

#include "mmu/base/broken.hpp"

namespace pagoda::phys {

Zone::Zone(const ZoneSpan &span, std::uint8_t index, Frame *frames, std::span<PageBlock> table, BuddyOptions options)
    : node_(span.node), type_(span.type), index_(index), options_(options),
      span_{span.frames.front().begin, span.frames.back().end}, frames_(frames), table_(table),
      buddy_(table, span_, options, this) {
  if (type_ == ZoneType::Device) return; // comes with each device
  for (const GfnRange &range : span.frames) present_ += range.length();
}

Zone::~Zone() {
  for (auto &cpu : cpus_) PerCpuPages::destroy(cpu.load(std::memory_order_relaxed));
}

void Zone::add(GfnRange frames) {
  ZoneGuard guard(lock_);
  buddy_.add(frames);
  managed_.store(buddy_.managed(), std::memory_order_relaxed);
}

void Zone::set_watermarks(const Watermarks &marks, const PerCpuLimits &limits) {
  marks_ = marks;
  limits_ = limits;
}

std::uint64_t Zone::spare(const Reserve &reserve, bool high_atomic) const {
  if (reserve.mark == Reserve::Mark::Nothing) return buddy_.free_frames();
  std::uint64_t floor = reserve.mark == Reserve::Mark::Low ? marks_.low : marks_.min;
  if (reserve.high) floor -= floor / 2;
  floor += marks_.lowmem_reserve[unsigned(reserve.highest)];
  if (!high_atomic) floor += buddy_.high_atomic_free();
  const std::uint64_t free = buddy_.free_frames();
  return free > floor ? free - floor : 0;
}

std::uint64_t Zone::movable_frames(GfnRange frames) const {
  std::uint64_t count = 0;
  for (Gfn at = std::max(frames.begin, span_.begin); at < std::min(frames.end, span_.end); at = at + 1)
    if (can_move(frames_[at.number()].kind)) ++count;
  return count;
}

// --- blocks

void Zone::give_back_locked(Gfn head, Order order) {
#ifndef NDEBUG
  if (buddy_.overlaps_free(head, order)) broken("a frame went back to the buddy that was free in it already");
#endif
  buddy_.give_back(head, order);
}

void Zone::give_back_locked(std::span<const std::uint32_t> frames) {
#ifndef NDEBUG
  for (std::uint32_t frame : frames)
    if (buddy_.overlaps_free(Gfn(frame), 0)) broken("a frame on a per-CPU list was free in the buddy already");
#endif
  buddy_.give_back(frames);
}

std::optional<Gfn> Zone::allocate_block(Order order, Migratetype type, bool high_atomic) {
  ZoneGuard guard(lock_);
  if (high_atomic)
    if (const std::optional<Gfn> head = buddy_.allocate_own(order, Migratetype::HighAtomic)) return head;
  return buddy_.allocate(order, type);
}

std::optional<GfnRange> Zone::allocate_run(std::uint64_t frames, Migratetype type) {
  ZoneGuard guard(lock_);
  return buddy_.allocate_run(frames, type);
}

std::size_t Zone::allocate_runs(std::span<Gfn> out, Migratetype type) {
  std::size_t had = 0;
  while (had < out.size()) {
    // In slices, so that the lock is never held for long.
    ZoneGuard guard(lock_);
    const std::size_t slice = std::min(out.size(), had + kPageblockFrames);
    while (had < slice) {
      const std::optional<GfnRange> run = buddy_.allocate_run(slice - had, type);
      if (!run) return had;
      for (Gfn at = run->begin; at < run->end; at = at + 1) out[had++] = at;
    }
  }
  return had;
}

void Zone::free_block(Gfn head, Order order) {
  ZoneGuard guard(lock_);
  if (order <= kPageblockOrder) return give_back_locked(head, order);
  for (std::uint64_t i = 0; i < frames_in(order); i += kPageblockFrames) give_back_locked(head + i, kPageblockOrder);
}

void Zone::free_run(GfnRange run) {
  ZoneGuard guard(lock_);
  buddy_.give_back(run);
}

bool Zone::has_block(Order order, bool high_atomic) const {
  ZoneGuard guard(lock_);
  return buddy_.has_block(order, high_atomic);
}

// --- pageblocks

void Zone::reserve_high_atomic(Gfn frame) {
  ZoneGuard guard(lock_);
  // At most a hundredth of the zone, but one.
  const std::uint64_t most = managed_.load(std::memory_order_relaxed) / 100 / kPageblockFrames + 1;
  if (buddy_.high_atomic_pageblocks() < most) (void)buddy_.reserve_high_atomic(frame);
}

bool Zone::unreserve_high_atomic(Migratetype type) {
  ZoneGuard guard(lock_);
  return buddy_.unreserve_high_atomic(type);
}

bool Zone::isolate(Gfn pageblock) {
  ZoneGuard guard(lock_);
  return buddy_.isolate(pageblock);
}

void Zone::unisolate(Gfn pageblock) {
  ZoneGuard guard(lock_);
  buddy_.unisolate(pageblock);
}

bool Zone::isolated(Gfn pageblock) const {
  ZoneGuard guard(lock_);
  return buddy_.type_of(pageblock) == Migratetype::Isolate;
}

std::vector<GfnRange> Zone::managed_of(Gfn pageblock) const {
  ZoneGuard guard(lock_);
  std::vector<GfnRange> result;
  for (const GfnRange &range : buddy_.added()) {
    const GfnRange part{std::max(range.begin, pageblock), std::min(range.end, pageblock + kPageblockFrames)};
    if (part.begin < part.end) result.push_back(part);
  }
  return result;
}

std::uint64_t Zone::free_of(Gfn pageblock) const {
  ZoneGuard guard(lock_);
  const std::optional<Block> around = buddy_.free_block_of(pageblock);
  if (around && around->order >= kPageblockOrder) return kPageblockFrames;
  return table_[pageblock.number() >> kPageblockOrder].free_frames();
}

void Zone::set_present(std::int64_t change) {
  ZoneGuard guard(lock_);
  present_ += std::uint64_t(change);
}

std::uint64_t Zone::take_isolated(Gfn pageblock, std::vector<Block> &out) {
  ZoneGuard guard(lock_);
  return buddy_.take_isolated(pageblock, out);
}

void Zone::give_isolated(std::span<const Block> blocks) {
  ZoneGuard guard(lock_);
  for (const Block &block : blocks) give_back_locked(block.head, block.order);
}

void Zone::set_managed(std::int64_t change) {
  ZoneGuard guard(lock_);
  buddy_.add_managed(std::uint64_t(change));
  managed_.store(buddy_.managed(), std::memory_order_relaxed);
}

std::optional<Block> Zone::begin_report(Order least) {
  ZoneGuard guard(lock_);
  const std::optional<Block> block = buddy_.begin_report(least);
  if (block) reporting_ += frames_in(block->order);
  return block;
}

void Zone::finish_report(const Block &block) {
  ZoneGuard guard(lock_);
  reporting_ -= frames_in(block.order);
  buddy_.finish_report(block);
}

} // namespace pagoda::phys
