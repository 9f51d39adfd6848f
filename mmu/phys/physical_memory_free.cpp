// References, and the way back of a frame.
#include <cstdio>
#include <limits>

#include "mmu/base/broken.hpp"
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

namespace {

constexpr std::size_t kRunForBuddy = 8; // adjacent frames from which on they go back as blocks

} // namespace

inline bool PhysicalMemory::forget(Frame &frame, Gfn gfn) {
  if ((frame.flags.load(std::memory_order_relaxed) | frame.maps.load(std::memory_order_relaxed)) != 0) [[unlikely]] {
    if ((frame.flags.load(std::memory_order_relaxed) & kHeldFlags) != 0) {
      refuse(BadFree::Held, gfn);
      return false;
    }
    frame.flags.store(0, std::memory_order_relaxed);
    frame.maps.store(0, std::memory_order_relaxed);
  }
  frame.kind = FrameKind::Free;
  frame.owner = 0;
  frame.block = BlockState::Loose;
  return true;
}

inline void PhysicalMemory::release(Frame &first, Gfn head) {
  Zone &zone = *zones_[first.zone];
  const FrameKind kind = first.kind;
  const Order order = first.order;
  if (!forget(first, head)) [[unlikely]]
    return;
  PerCpuPages *cpu = zone.cpu(cpu_slot());
  if (order != 0) [[unlikely]] {
    zone.count_freed(cpu, kind, frames_in(order));
    return release_block(zone, head, order);
  }
  zone.count_freed(cpu, kind, 1);
  zone.free_single(cpu, head);
}

void PhysicalMemory::release_block(Zone &zone, Gfn head, Order order) {
  if (order < kPageblockOrder) {
    for (std::uint64_t i = 1; i < frames_in(order); ++i) {
      Frame &tail = frames_[head.number() + i];
      tail.kind = FrameKind::Free;
      tail.owner = 0;
      tail.block = BlockState::Loose;
    }
  } else {
    const std::uint64_t number = head.number() >> kPageblockOrder;
    for (std::uint64_t i = 0; i < frames_in(Order(order - kPageblockOrder)); ++i)
      pageblocks_[number + i].cover.store(0, std::memory_order_relaxed);
  }
  zone.free_block(head, order);
}

void PhysicalMemory::get(Gfn frame) {
  if (!try_get(frame)) broken("a reference was taken on a frame that nobody holds");
}

bool PhysicalMemory::try_get(Gfn frame) {
  if (!is_ram(frame)) return false;
  std::atomic<std::uint32_t> &refs = frames_[frame.number()].refs;
  std::uint32_t now = refs.load(std::memory_order_relaxed);
  while (now != 0 && now != std::numeric_limits<std::uint32_t>::max())
    if (refs.compare_exchange_weak(now, now + 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  return false;
}

bool PhysicalMemory::drop(Gfn gfn) {
  if (is_ram(gfn)) {
    Frame &frame = frames_[gfn.number()];
    std::uint32_t now = frame.refs.load(std::memory_order_relaxed);
    while (now != 0) {
      if (now == 1 && frame.kind == FrameKind::Device) break; // the device's own
      if (frame.refs.compare_exchange_weak(now, now - 1, std::memory_order_acq_rel, std::memory_order_relaxed))
        return now == 1;
    }
  }
  refuse(what_is_wrong(gfn), gfn);
  return false;
}

BadFree PhysicalMemory::what_is_wrong(Gfn gfn) const {
  if (!is_ram(gfn)) return BadFree::Wild;
  const Frame &frame = frames_[gfn.number()];
  if (frame.kind == FrameKind::Reserved || frame.kind == FrameKind::Device) return BadFree::Wild;
  return head_of(gfn) == gfn ? BadFree::Double : BadFree::Middle;
}

void PhysicalMemory::refuse(BadFree what, Gfn frame) {
  refused_frees_.fetch_add(1, std::memory_order_relaxed);
  last_bad_free_.store(what, std::memory_order_relaxed);
  last_bad_frame_.store(frame.number(), std::memory_order_relaxed);
  if (!abort_on_bad_free_.load(std::memory_order_relaxed)) return;
  const std::string text = std::string(name(what)) + ": frame " + std::to_string(frame.number());
  broken(text.c_str());
}

BadFreeReport PhysicalMemory::last_bad_free() const {
  return {last_bad_free_.load(std::memory_order_relaxed), Gfn(last_bad_frame_.load(std::memory_order_relaxed))};
}

void PhysicalMemory::put(Gfn gfn) {
  if (!drop(gfn)) return;
  Frame &frame = frames_[gfn.number()];
  if (frame.block != BlockState::Head) [[unlikely]]
    broken("a frame with references was in no allocated block");
  release(frame, gfn);
}

void PhysicalMemory::free(Gfn head, Order order) {
  if (!is_ram(head)) [[unlikely]]
    return refuse(BadFree::Wild, head);
  Frame &frame = frames_[head.number()];
  const std::uint32_t refs = frame.refs.load(std::memory_order_acquire);
  if (frame.block != BlockState::Head || refs == 0 || frame.kind == FrameKind::Device) [[unlikely]]
    return refuse(what_is_wrong(head), head);
  if (frame.order != order) [[unlikely]]
    return refuse(BadFree::WrongOrder, head);
  if (refs != 1) [[unlikely]]
    return refuse(BadFree::Shared, head);
  frame.refs.store(0, std::memory_order_relaxed);
  release(frame, head);
}

void PhysicalMemory::release_run(Zone &zone, GfnRange run) {
  PerCpuPages *cpu = zone.cpu(cpu_slot());
  if (run.length() >= kRunForBuddy) return zone.free_run(run);
  for (Gfn at = run.begin; at < run.end; at = at + 1) zone.free_single(cpu, at);
}

void PhysicalMemory::put_all(std::span<const Gfn> frames) {
  GfnRange run{};
  Zone *of_run = nullptr;
  const auto flush = [&] {
    if (of_run != nullptr) release_run(*of_run, run);
    of_run = nullptr;
  };
  for (Gfn gfn : frames) {
    if (!drop(gfn)) continue;
    Frame &frame = frames_[gfn.number()];
    if (frame.order != 0) {
      release(frame, gfn);
      continue;
    }
    Zone &zone = *zones_[frame.zone];
    const FrameKind kind = frame.kind;
    if (!forget(frame, gfn)) continue;
    zone.count_freed(zone.cpu(cpu_slot()), kind, 1);
    // In pieces of a pageblock, so that the lock is never held for long.
    if (of_run == &zone && gfn == run.end && run.length() < kPageblockFrames) {
      run.end = gfn + 1;
      continue;
    }
    flush();
    of_run = &zone;
    run = {gfn, gfn + 1};
  }
  flush();
}

void PhysicalMemory::split(Gfn head) {
  if (!is_ram(head)) return;
  Frame &first = frames_[head.number()];
  const Order order = first.order;
  if (first.block != BlockState::Head || order == 0) return;
  const std::uint32_t refs = first.refs.load(std::memory_order_relaxed);
  first.order = 0;
  for (std::uint64_t i = 1; i < frames_in(order); ++i) {
    Frame &each = frames_[head.number() + i];
    each.owner = Owner(first.owner);
    each.kind = FrameKind(first.kind);
    each.order = 0;
    each.block = BlockState::Head;
    each.zone = std::uint8_t(first.zone);
    each.refs.store(refs, std::memory_order_release);
  }
  if (order < kPageblockOrder) return;
  const std::uint64_t number = head.number() >> kPageblockOrder;
  for (std::uint64_t i = 0; i < frames_in(Order(order - kPageblockOrder)); ++i)
    pageblocks_[number + i].cover.store(0, std::memory_order_relaxed);
}

} // namespace pagoda::phys
