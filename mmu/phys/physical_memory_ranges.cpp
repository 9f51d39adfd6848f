// Whole ranges: isolated, taken away and put back, had in one piece, added as DEVICE memory, and told to
// the host when free.
#include <algorithm>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

namespace {

template <class Visit> void each_pageblock(GfnRange range, Visit visit) {
  for (Gfn at = range.begin; at < range.end; at = at + kPageblockFrames) visit(at);
}

} // namespace

Result<> PhysicalMemory::check_pageblocks(GfnRange range) const {
  if (range.empty() || range.begin.number() % kPageblockFrames != 0 || range.end.number() % kPageblockFrames != 0 ||
      range.end.number() > ((frame_count_ + kPageblockFrames - 1) & ~(kPageblockFrames - 1)))
    return unexpected(Error::Invalid);
  bool known = true;
  each_pageblock(range, [&](Gfn at) {
    const Zone *zone = find_zone(at);
    known = known && zone != nullptr && !zone->managed_of(at).empty();
  });
  return known ? Result<>() : unexpected(Error::Invalid);
}

Result<> PhysicalMemory::isolate_locked(GfnRange range) {
  if (const auto valid = check_pageblocks(range); !valid) return valid;
  for (Gfn at = range.begin; at < range.end; at = at + kPageblockFrames) {
    if (find_zone(at)->isolate(at)) continue;
    unisolate_locked({range.begin, at});
    return unexpected(Error::Busy);
  }
  drain();
  return {};
}

void PhysicalMemory::unisolate_locked(GfnRange range) {
  each_pageblock(range, [&](Gfn at) { find_zone(at)->unisolate(at); });
}

Result<> PhysicalMemory::isolate_range(GfnRange range) {
  LockGuard guard(ranges_lock_);
  return isolate_locked(range);
}

void PhysicalMemory::unisolate_range(GfnRange range) {
  LockGuard guard(ranges_lock_);
  if (!check_pageblocks(range)) return;
  for (Gfn at = range.begin; at < range.end; at = at + kPageblockFrames) {
    // What was taken out stays out.
    const bool off = std::ranges::any_of(offline_, [at](const GfnRange &gone) { return gone.contains(at); });
    if (!off) find_zone(at)->unisolate(at);
  }
}

bool PhysicalMemory::all_free(GfnRange range) const {
  bool free = true;
  each_pageblock(range, [&](Gfn at) {
    const Zone *zone = find_zone(at);
    std::uint64_t managed = 0;
    for (const GfnRange &part : zone->managed_of(at)) managed += part.length();
    free = free && zone->isolated(at) && zone->free_of(at) == managed;
  });
  return free;
}

Result<> PhysicalMemory::offline_range(GfnRange range) {
  LockGuard guard(ranges_lock_);
  if (const auto valid = check_pageblocks(range); !valid) return valid;
  if (!all_free(range)) return unexpected(Error::Busy);
  each_pageblock(range, [&](Gfn at) {
    Zone &zone = *find_zone(at);
    std::vector<Block> blocks;
    zone.set_managed(-std::int64_t(zone.take_isolated(at, blocks)));
    for (const Block &block : blocks)
      for (Gfn frame = block.head; frame < block.frames().end; frame = frame + 1)
        frames_[frame.number()].kind = FrameKind::Reserved;
  });
  offline_.push_back(range);
  return {};
}

Result<> PhysicalMemory::online_range(GfnRange range) {
  LockGuard guard(ranges_lock_);
  const auto found = std::ranges::find(offline_, range);
  if (found == offline_.end()) return unexpected(Error::NotMapped);
  offline_.erase(found);
  each_pageblock(range, [&](Gfn at) {
    Zone &zone = *find_zone(at);
    for (const GfnRange &part : zone.managed_of(at)) {
      for (Gfn frame = part.begin; frame < part.end; frame = frame + 1) frames_[frame.number()].kind = FrameKind::Free;
      zone.set_managed(std::int64_t(part.length()));
      zone.free_run(part);
    }
    zone.unisolate(at);
  });
  return {};
}

Result<> PhysicalMemory::allocate_range(GfnRange range, FrameKind kind, Owner owner) {
  if (!can_be_allocated(kind)) return unexpected(Error::Invalid);
  if (failpoint::frame_allocation.fails()) return unexpected(Error::OutOfMemory);
  LockGuard guard(ranges_lock_);
  if (const auto isolated = isolate_locked(range); !isolated) return isolated;
  if (!all_free(range)) {
    unisolate_locked(range);
    return unexpected(Error::Busy);
  }
  each_pageblock(range, [&](Gfn at) {
    Zone &zone = *find_zone(at);
    std::vector<Block> blocks;
    (void)zone.take_isolated(at, blocks);
    zone.unisolate(at);
    const Request request{.gfp = Gfp::None, .kind = kind, .owner = owner, .preferred = zone.node()};
    for (const Block &block : blocks)
      for (Gfn frame = block.head; frame < block.frames().end; frame = frame + 1) adopt(zone, frame, 0, request);
  });
  return {};
}

// --- DEVICE memory

Result<> PhysicalMemory::add_device(GpaRange range) {
  const GpaRange room = topology_.device_room();
  if (range.empty() || !range.begin.page_aligned() || !range.end.page_aligned() || !room.contains(range))
    return unexpected(Error::Invalid);
  const GfnRange frames{Gfn::of(range.begin), Gfn::of(range.end)};
  LockGuard guard(ranges_lock_);
  if (std::ranges::any_of(devices_, [&](const GfnRange &other) { return other.overlaps(frames); }))
    return unexpected(Error::Exists);
  Zone &zone = *zones_.back();
  for (Gfn at = frames.begin; at < frames.end; at = at + 1) {
    Frame &frame = frames_[at.number()];
    frame.owner = 0;
    frame.order = 0;
    frame.block = BlockState::Head;
    frame.zone = zone.index();
    frame.kind = FrameKind::Device;
    frame.refs.store(1, std::memory_order_release);
  }
  devices_.push_back(frames);
  zone.count_allocated(nullptr, FrameKind::Device, frames.length());
  zone.set_present(std::int64_t(frames.length()));
  const std::uint64_t end = std::max(device_end_.load(std::memory_order_relaxed), frames.end.number());
  device_end_.store(end, std::memory_order_release);
  return {};
}

Result<> PhysicalMemory::remove_device(GpaRange range) {
  const GfnRange frames{Gfn::of(range.begin), Gfn::of(range.end)};
  LockGuard guard(ranges_lock_);
  const auto found = std::ranges::find(devices_, frames);
  if (found == devices_.end()) return unexpected(Error::NotMapped);
  for (Gfn at = frames.begin; at < frames.end; at = at + 1) {
    std::uint32_t own = 1;
    if (frames_[at.number()].refs.compare_exchange_strong(own, 0)) continue;
    for (Gfn back = frames.begin; back < at; back = back + 1) frames_[back.number()].refs.store(1);
    return unexpected(Error::Busy);
  }
  for (Gfn at = frames.begin; at < frames.end; at = at + 1) {
    frames_[at.number()].kind = FrameKind::Free;
    frames_[at.number()].block = BlockState::Loose;
  }
  devices_.erase(found);
  Zone &zone = *zones_.back();
  zone.count_freed(nullptr, FrameKind::Device, frames.length());
  zone.set_present(-std::int64_t(frames.length()));
  return {};
}

// --- reports to the host

std::size_t PhysicalMemory::report_free_blocks(FreeBlockReporter &reporter, Order least, std::size_t most) {
  std::size_t reported = 0;
  for (const auto &zone : zones_) {
    for (; reported < most; ++reported) {
      const std::optional<Block> block = zone->begin_report(least);
      if (!block) break;
      reporter.report(block->frames());
      zone->finish_report(*block);
    }
  }
  return reported;
}

} // namespace pagoda::phys
