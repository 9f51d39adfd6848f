// The way of an allocation: the slot's list of the best zone, then the zones in turn above their low and
// min watermarks, then what can be drained and reclaimed.
#include <algorithm>
#include <cstring>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

namespace {

constexpr unsigned kReclaimRounds = 16; // without progress towards the request, as Linux

// Requests of several frames that cannot wait have pageblocks of their own.
bool is_high_atomic(const Request &request) {
  return request.order != 0 && has(request.gfp, Gfp::High) && !has(request.gfp, Gfp::DirectReclaim);
}

Gfp gfp_for(FrameKind kind, Zeroed zeroed) { return usual_gfp(kind) | (zeroed == Zeroed::Yes ? Gfp::Zero : Gfp::None); }

} // namespace

inline bool PhysicalMemory::valid(const Request &request) const {
  return request.order <= topology_.max_order && can_be_allocated(request.kind) &&
         request.preferred < zonelists_->nodes();
}

Result<Gfn> PhysicalMemory::allocate(Order order, FrameKind kind, Owner owner, Zeroed zeroed) {
  return allocate({.gfp = gfp_for(kind, zeroed), .order = order, .kind = kind, .owner = owner});
}

std::size_t PhysicalMemory::allocate_bulk(std::span<Gfn> out, FrameKind kind, Owner owner, Zeroed zeroed) {
  return allocate_bulk(out, {.gfp = gfp_for(kind, zeroed), .kind = kind, .owner = owner});
}

Result<Gfn> PhysicalMemory::allocate(const Request &request) {
  if (!valid(request)) [[unlikely]]
    return unexpected(Error::Invalid);
  // Page tables have a failpoint of their own (mmu/table).
  if (request.kind != FrameKind::Table && failpoint::frame_allocation.fails()) [[unlikely]]
    return refused();
  // The list of the best zone: no call, no lock, nothing that another thread writes to.
  if (request.order != 0 || request.allowed != nullptr) [[unlikely]]
    return allocate_from_zones(request);
  Zone *zone = zonelists_->best(request.preferred, highest_zone(request.gfp), has(request.gfp, Gfp::ThisNode));
  const unsigned slot = cpu_slot();
  PerCpuPages *cpu = zone == nullptr ? nullptr : zone->known_cpu(slot);
  if (cpu == nullptr) [[unlikely]]
    return allocate_from_zones(request);
  const std::uint32_t number = zone->pop(*cpu, migratetype_of(request.gfp));
  if (number == 0) [[unlikely]]
    return allocate_from_zones(request);
  Frame &frame = frames_[number];
  frame.owner = request.owner;
  frame.kind = request.kind;
  frame.order = 0;
  frame.block = BlockState::Head;
  frame.zone = zone->index();
  zone->count_allocated(cpu, request.kind, 1);
  const bool elsewhere = zone->node() != request.preferred || zone->node() != local_node();
  if (has(request.gfp, Gfp::Zero) || elsewhere || request.interleaved) [[unlikely]]
    return finish_single(*zone, Gfn(number), request);
  frame.refs.store(1, std::memory_order_release);
  return Gfn(number);
}

Result<Gfn> PhysicalMemory::refused() {
  failures_.fetch_add(1, std::memory_order_relaxed);
  return unexpected(Error::OutOfMemory);
}

Result<Gfn> PhysicalMemory::allocate_from_zones(const Request &request) {
  const std::optional<Taken> taken = allocate_slowly(request);
  if (!taken) return refused();
  adopt(*taken->zone, taken->head, request.order, request);
  return taken->head;
}

Result<Gfn> PhysicalMemory::finish_single(Zone &zone, Gfn frame, const Request &request) {
  if (zone.node() != request.preferred || zone.node() != local_node() || request.interleaved)
    count_nodes(zone, request, 1);
  if (has(request.gfp, Gfp::Zero)) std::memset(host(frame), 0, kPageSize);
  frames_[frame.number()].refs.store(1, std::memory_order_release);
  return frame;
}

std::uint64_t PhysicalMemory::above_charge(const Zone &zone) const {
  const std::uint64_t charge = charge_.load(std::memory_order_relaxed);
  if (charge == 0 || !bears_charge(zone)) return ~0ull;
  std::uint64_t free = 0;
  for (const auto &each : zones_)
    if (bears_charge(*each)) free += each->free_frames();
  return free > charge ? free - charge : 0;
}

std::optional<PhysicalMemory::Taken> PhysicalMemory::try_zones(const Request &request, Reserve reserve) {
  const Migratetype type = migratetype_of(request.gfp);
  const bool high_atomic = is_high_atomic(request);
  const std::uint64_t need = frames_in(request.order);
  for (Zone *zone : zonelists_->of(request.preferred, reserve.highest, has(request.gfp, Gfp::ThisNode))) {
    if (request.allowed != nullptr && !request.allowed->has(zone->node())) continue;
    const std::uint64_t spare = std::min(zone->spare(reserve, high_atomic), above_charge(*zone));
    if (spare < need) continue;
    const std::optional<Gfn> head = request.order == 0 ? zone->allocate_single(zone->cpu(cpu_slot()), type, spare)
                                                       : zone->allocate_block(request.order, type, high_atomic);
    if (!head) continue;
    if (high_atomic) zone->reserve_high_atomic(*head);
    return Taken{*head, zone};
  }
  return std::nullopt;
}

bool PhysicalMemory::make_room(const Request &request, unsigned round) {
  if (round == 0) {
    bool changed = drain() != 0;
    for (const auto &zone : zones_)
      while (zone->unreserve_high_atomic(migratetype_of(request.gfp))) changed = true;
    if (changed) return true;
  }
  PressureHandler *handler = pressure_.load(std::memory_order_acquire);
  const unsigned rounds = has(request.gfp, Gfp::NoRetry) ? 1 : kReclaimRounds;
  if (handler == nullptr || !has(request.gfp, Gfp::DirectReclaim) || has(request.gfp, Gfp::MemAlloc)) return false;
  if (round > rounds && !has(request.gfp, Gfp::NoFail)) return false;
  if (handler->reclaim(request) == 0) return false;
  drain(); // what was freed went to a per-CPU list first
  return true;
}

std::optional<PhysicalMemory::Taken> PhysicalMemory::allocate_slowly(const Request &request) {
  Reserve reserve{.mark = Reserve::Mark::Low, .high = false, .highest = highest_zone(request.gfp)};
  if (const auto taken = try_zones(request, reserve)) return taken;
  if (PressureHandler *handler = pressure_.load(std::memory_order_acquire))
    if (has(request.gfp, Gfp::KswapdReclaim)) handler->wake_background(request.preferred, request);
  reserve.mark = has(request.gfp, Gfp::MemAlloc) ? Reserve::Mark::Nothing : Reserve::Mark::Min;
  reserve.high = has(request.gfp, Gfp::High);
  for (unsigned round = 0;; ++round) {
    if (const auto taken = try_zones(request, reserve)) return taken;
    if (!make_room(request, round)) return std::nullopt;
  }
}

// --- bulk

std::size_t PhysicalMemory::try_zones_bulk(std::span<Gfn> out, const Request &request, Reserve reserve) {
  std::size_t had = 0;
  for (Zone *zone : zonelists_->of(request.preferred, reserve.highest, has(request.gfp, Gfp::ThisNode))) {
    if (had == out.size()) break;
    if (request.allowed != nullptr && !request.allowed->has(zone->node())) continue;
    const std::uint64_t spare = std::min(zone->spare(reserve, false), above_charge(*zone));
    const std::size_t wanted = std::min<std::uint64_t>(out.size() - had, spare);
    const auto frames = out.subspan(had, wanted);
    const std::size_t got = zone->allocate_runs(frames, migratetype_of(request.gfp));
    adopt_run(*zone, frames.first(got), request);
    had += got;
  }
  return had;
}

std::size_t PhysicalMemory::allocate_bulk(std::span<Gfn> out, const Request &request) {
  if (!valid(request) || request.order != 0) return 0;
  std::size_t wanted = 0;
  if (request.kind == FrameKind::Table)
    wanted = out.size();
  else
    while (wanted < out.size() && !failpoint::frame_allocation.fails()) ++wanted;

  const auto all = out.first(wanted);
  Reserve reserve{.mark = Reserve::Mark::Low, .high = false, .highest = highest_zone(request.gfp)};
  std::size_t had = try_zones_bulk(all, request, reserve);
  if (had < wanted) {
    if (PressureHandler *handler = pressure_.load(std::memory_order_acquire))
      if (has(request.gfp, Gfp::KswapdReclaim)) handler->wake_background(request.preferred, request);
    reserve.mark = has(request.gfp, Gfp::MemAlloc) ? Reserve::Mark::Nothing : Reserve::Mark::Min;
    reserve.high = has(request.gfp, Gfp::High);
    for (unsigned round = 0;; ++round) {
      had += try_zones_bulk(all.subspan(had), request, reserve);
      // More than a first frame is not worth reclaiming for.
      if (had == wanted || (round != 0 && had != 0) || !make_room(request, round)) break;
    }
  }
  if (had < out.size()) failures_.fetch_add(1, std::memory_order_relaxed);
  return had;
}

// --- descriptors of what was had

void PhysicalMemory::count_nodes(Zone &zone, const Request &request, std::uint64_t frames) {
  if (zone.node() != request.preferred) {
    numa_.count(zone.node(), NumaEvent::Miss, frames);
    numa_.count(request.preferred, NumaEvent::Foreign, frames);
  } else if (request.interleaved) {
    numa_.count(zone.node(), NumaEvent::Interleave, frames);
  }
  if (zone.node() != local_node()) numa_.count(zone.node(), NumaEvent::Other, frames);
}

void PhysicalMemory::adopt(Zone &zone, Gfn head, Order order, const Request &request) {
  Frame &first = frames_[head.number()];
  const auto mark = [&](Frame &frame, BlockState state) {
    frame.owner = request.owner;
    frame.kind = request.kind;
    frame.block = state;
    frame.zone = zone.index();
  };
  mark(first, BlockState::Head);
  first.order = order;
  if (order != 0) {
    if (order < kPageblockOrder) {
      for (std::uint64_t i = 1; i < frames_in(order); ++i) {
        frames_[head.number() + i].head = std::uint32_t(head.number());
        mark(frames_[head.number() + i], BlockState::Tail);
      }
    } else {
      const std::uint64_t number = head.number() >> kPageblockOrder;
      for (std::uint64_t i = 0; i < frames_in(Order(order - kPageblockOrder)); ++i)
        pageblocks_[number + i].cover.store(std::uint32_t(number + 1), std::memory_order_relaxed);
    }
  }
  const std::uint64_t frames = frames_in(order);
  zone.count_allocated(zone.cpu(cpu_slot()), request.kind, frames);
  if (zone.node() != request.preferred || zone.node() != local_node() || request.interleaved) [[unlikely]]
    count_nodes(zone, request, frames);
  if (has(request.gfp, Gfp::Zero)) std::memset(host(head), 0, kPageSize << order);
  first.refs.store(1, std::memory_order_release);
}

void PhysicalMemory::adopt_run(Zone &zone, std::span<const Gfn> frames, const Request &request) {
  if (frames.empty()) return;
  const bool zero = has(request.gfp, Gfp::Zero);
  for (Gfn gfn : frames) {
    Frame &frame = frames_[gfn.number()];
    frame.owner = request.owner;
    frame.kind = request.kind;
    frame.order = 0;
    frame.block = BlockState::Head;
    frame.zone = zone.index();
    if (zero) std::memset(host(gfn), 0, kPageSize);
    frame.refs.store(1, std::memory_order_release);
  }
  zone.count_allocated(zone.cpu(cpu_slot()), request.kind, frames.size());
  if (zone.node() != request.preferred || zone.node() != local_node() || request.interleaved)
    count_nodes(zone, request, frames.size());
}

} // namespace pagoda::phys
