// What a zone reports, and whether it is in order.
#include <algorithm>

#include "mmu/phys/zone.hpp"

namespace pagoda::phys {

namespace {

void add_counters(ZoneFigures &figures, const FrameCounters &counters) {
  for (unsigned kind = 0; kind < kFrameKinds; ++kind) {
    const std::uint64_t freed = counters.freed[kind].load(std::memory_order_relaxed);
    const std::uint64_t allocated = counters.allocated[kind].load(std::memory_order_relaxed);
    figures.by_kind[kind] += allocated - freed; // one slot frees what another allocated: only the sum counts
    figures.allocations += allocated;
    figures.frees += freed;
  }
}

} // namespace

ZoneFigures Zone::figures() const {
  ZoneFigures result;
  result.node = node_;
  result.type = type_;
  result.start = span_.begin;
  result.spanned = span_.length();
  result.min = marks_.min;
  result.low = marks_.low;
  result.high = marks_.high;
  result.lowmem_reserve = marks_.lowmem_reserve;
  for (unsigned slot = 0; slot < kCpuSlots; ++slot) {
    const PerCpuPages *cpu = cpus_[slot].load(std::memory_order_acquire);
    if (cpu == nullptr) continue;
    PerCpuFigures figures{.slot = slot,
                          .count = cpu->total(),
                          .high = cpu->high.load(std::memory_order_relaxed),
                          .batch = limits_.batch,
                          .by_migratetype = {}};
    for (unsigned list = 0; list < kMobilities; ++list) figures.by_migratetype[list] = cpu->count(list);
    result.per_cpu_frames += figures.count;
    result.per_cpu.push_back(figures);
    add_counters(result, cpu->counters);
  }
  add_counters(result, shared_);
  ZoneGuard guard(lock_);
  result.present = present_;
  result.managed = buddy_.managed();
  result.free = buddy_.free_frames();
  result.fresh = buddy_.fresh_frames();
  result.isolated = buddy_.isolated_frames();
  result.high_atomic = buddy_.high_atomic_pageblocks() * kPageblockFrames;
  result.max_order = buddy_.options().max_order;
  result.claims = buddy_.claims();
  result.steals = buddy_.steals();
  result.pageblocks = buddy_.pageblocks();
  for (unsigned type = 0; type < kMigratetypes; ++type)
    for (unsigned order = 0; order <= result.max_order; ++order)
      result.free_blocks[type][order] = buddy_.free_blocks(Order(order), Migratetype(type));
  return result;
}

void Zone::add_to(Counters &counters) const {
  ZoneFigures sums;
  for (const auto &cpu : cpus_)
    if (const PerCpuPages *known = cpu.load(std::memory_order_acquire)) add_counters(sums, known->counters);
  add_counters(sums, shared_);
  for (unsigned kind = 0; kind < kFrameKinds; ++kind) counters.by_kind[kind] += sums.by_kind[kind];
  counters.allocations += sums.allocations;
  counters.frees += sums.frees;
  const std::uint64_t listed = per_cpu_frames();
  ZoneGuard guard(lock_);
  counters.managed += buddy_.managed();
  counters.free += buddy_.free_frames() + buddy_.isolated_frames() + reporting_ + listed;
  counters.free_blocks[0] += listed;
  for (unsigned order = 0; order <= buddy_.options().max_order; ++order) {
    const unsigned shown = std::min<unsigned>(order, kMaxOrder);
    counters.free_blocks[shown] += buddy_.free_blocks(Order(order)) << (order - shown);
  }
}

std::uint64_t Zone::allocated_frames() const {
  ZoneFigures sums;
  for (const auto &cpu : cpus_)
    if (const PerCpuPages *known = cpu.load(std::memory_order_acquire)) add_counters(sums, known->counters);
  add_counters(sums, shared_);
  return sums.allocations;
}

std::vector<GfnRange> Zone::touched() const {
  ZoneGuard guard(lock_);
  return buddy_.touched();
}

void Zone::for_each_pageblock(const std::function<void(const PageblockFigures &)> &visit) const {
  std::vector<PageblockFigures> all;
  {
    ZoneGuard guard(lock_);
    for (const GfnRange &range : buddy_.added()) {
      for (std::uint64_t at = range.begin.number() & ~(kPageblockFrames - 1); at < range.end.number();
           at += kPageblockFrames) {
        const GfnRange part{std::max(range.begin, Gfn(at)), std::min(range.end, Gfn(at + kPageblockFrames))};
        if (!all.empty() && all.back().first == Gfn(at)) {
          all.back().present = std::uint16_t(all.back().present + part.length());
          continue;
        }
        PageblockFigures figures{.first = Gfn(at), .node = node_, .zone = type_};
        figures.present = std::uint16_t(part.length());
        all.push_back(figures);
      }
    }
    for (PageblockFigures &figures : all) {
      const PageBlock &block = table_[figures.first.number() >> kPageblockOrder];
      figures.migratetype = block.type();
      figures.free = std::uint16_t(block.free_frames());
      std::copy(block.counts.begin(), block.counts.end(), figures.free_blocks.begin());
      const std::optional<Block> around = buddy_.free_block_of(figures.first);
      bool whole = around && around->order >= kPageblockOrder;
      if (whole) figures.whole = around->order;
      // Fresh memory is free, in blocks of the highest order where it is whole.
      const auto touched = buddy_.touched();
      const bool fed = std::ranges::any_of(touched, [&](const GfnRange &range) {
        return range.begin < figures.first + kPageblockFrames && figures.first < range.end;
      });
      if (!fed) {
        whole = figures.present == kPageblockFrames;
        figures.whole = whole ? buddy_.options().max_order : Order(0);
        if (!whole) figures.free = figures.present;
      }
      if (!whole) continue;
      figures.free = kPageblockFrames;
      figures.free_blocks[kPageblockOrder] = 1;
    }
  }
  for (const PageblockFigures &figures : all) visit(figures);
}

// --- invariants

std::string Zone::invariant() {
  if (type_ == ZoneType::Device) return {};
  LockGuard visiting(visitors_);
  std::vector<std::uint32_t> listed;
  for (auto &each : cpus_) {
    PerCpuPages *cpu = each.load(std::memory_order_acquire);
    if (cpu == nullptr) continue;
    cpu->lock.begin_visit();
    for (unsigned list = 0; list < kMobilities; ++list)
      cpu->for_each(list, [&](std::uint32_t frame) { listed.push_back(frame); });
    cpu->lock.end_visit();
  }
  ZoneGuard guard(lock_);
  if (std::string wrong = buddy_.invariant(); !wrong.empty()) return wrong;
  if (std::string wrong = check_listed(std::move(listed)); !wrong.empty()) return wrong;
  return check_frames();
}

std::string Zone::check_listed(std::vector<std::uint32_t> listed) const {
  std::ranges::sort(listed);
  if (std::ranges::adjacent_find(listed) != listed.end()) return "a frame is on two per-CPU lists";
  for (std::uint32_t frame : listed) {
    if (!buddy_.manages(Gfn(frame))) return "a foreign frame on a per-CPU list: " + std::to_string(frame);
    if (buddy_.free_block_of(Gfn(frame))) return "on a per-CPU list and in the buddy: frame " + std::to_string(frame);
    const Frame &each = frames_[frame];
    if (each.refs.load() != 0 || each.block != BlockState::Loose || each.kind != FrameKind::Free)
      return "on a per-CPU list but in use: frame " + std::to_string(frame);
  }
  return {};
}

std::string Zone::check_frames() const {
  std::array<std::uint64_t, kFrameKinds> seen{};
  std::uint64_t used = 0;
  const auto wrong = [](const char *what, std::uint64_t number) {
    return what + (": frame " + std::to_string(number));
  };
  for (const GfnRange &range : buddy_.touched()) {
    for (std::uint64_t number = range.begin.number(); number < range.end.number(); ++number) {
      const Frame &each = frames_[number];
      const bool free = buddy_.free_block_of(Gfn(number)).has_value();
      if (each.block == BlockState::Loose) {
        if (each.refs.load() != 0) return wrong("held but in no block", number);
        if (each.kind != FrameKind::Free && each.kind != FrameKind::Reserved)
          return wrong("of a kind but in no block", number);
        continue;
      }
      if (free) return wrong("handed out and free", number);
      if (each.kind == FrameKind::Free || each.zone != index_)
        return wrong("handed out but of no kind or zone", number);
      if (each.block == BlockState::Tail) {
        const Frame &head = frames_[each.head];
        if (head.block != BlockState::Head || number - each.head >= frames_in(head.order) || head.kind != each.kind)
          return wrong("a tail without its head", number);
        continue;
      }
      if (number % frames_in(each.order) != 0) return wrong("block not aligned", number);
      seen[unsigned(FrameKind(each.kind))] += frames_in(each.order);
      used += frames_in(each.order);
    }
  }
  std::array<std::uint64_t, kFrameKinds> counted{};
  const auto count = [&](const FrameCounters &counters) {
    for (unsigned kind = 0; kind < kFrameKinds; ++kind)
      counted[kind] += counters.allocated[kind].load() - counters.freed[kind].load();
  };
  for (const auto &cpu : cpus_)
    if (const PerCpuPages *known = cpu.load()) count(known->counters);
  count(shared_);
  if (counted != seen) return "frames of a kind are miscounted";
  const std::uint64_t free = buddy_.free_frames() + buddy_.isolated_frames() + per_cpu_frames() + reporting_;
  if (used + free != buddy_.managed()) return "free and used frames are not all frames";
  return {};
}

} // namespace pagoda::phys
