// The per-CPU lists of a zone: refilled and spilled by their owner, drained from outside.
#include <algorithm>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/zone.hpp"

namespace pagoda::phys {

PerCpuPages *Zone::make_cpu(unsigned slot) {
  if (failpoint::descriptor_allocation.fails()) return nullptr;
  // Only the thread that has the slot comes here for it.
  PerCpuPages *made = PerCpuPages::create(limits_);
  if (made != nullptr) cpus_[slot].store(made, std::memory_order_release);
  return made;
}

void Zone::refill(PerCpuPages &cpu, Migratetype type, std::uint64_t most) {
  std::array<Block, kLargestBatch> blocks;
  std::size_t count = 0;
  {
    ZoneGuard guard(lock_);
    count = buddy_.allocate_scattered(std::min<std::uint64_t>(limits_.batch, most), type, blocks);
  }
  // The lowest address ends on top.
  for (std::size_t i = count; i-- > 0;)
    for (std::uint64_t frame = frames_in(blocks[i].order); frame-- > 0;)
      (void)cpu.push(unsigned(type), std::uint32_t(blocks[i].head.number() + frame));
  const std::uint32_t high = cpu.high.load(std::memory_order_relaxed);
  const bool scarce = buddy_.free_frames() < marks_.high;
  cpu.high.store(scarce ? limits_.high_min : std::min(high + limits_.batch, limits_.high_max),
                 std::memory_order_relaxed);
}

std::optional<Gfn> Zone::allocate_single(PerCpuPages *cpu, Migratetype type, std::uint64_t most) {
  if (most == 0) return std::nullopt;
  type = listed_type(type);
  if (cpu != nullptr && cpu->lock.try_enter()) {
    std::uint32_t frame = cpu->pop(unsigned(type));
    if (frame == 0) {
      refill(*cpu, type, most);
      frame = cpu->pop(unsigned(type));
    }
    cpu->lock.leave();
    return frame == 0 ? std::nullopt : std::optional(Gfn(frame));
  }
  ZoneGuard guard(lock_);
  return buddy_.allocate(0, type);
}

void Zone::spill_and_leave(PerCpuPages &cpu, unsigned list) {
  std::array<std::uint32_t, kLargestBatch> cold;
  const std::uint32_t taken = cpu.take_cold(list, std::span(cold).first(limits_.batch));
  {
    ZoneGuard guard(lock_);
    give_back_locked(std::span(cold).first(taken));
  }
  // Not before: an isolation that has drained this list finds every frame in the buddy.
  cpu.lock.leave();
}

void Zone::free_single_locked(Gfn frame) {
  ZoneGuard guard(lock_);
  give_back_locked(frame, 0);
}

std::uint64_t Zone::drain() {
  LockGuard visiting(visitors_);
  std::uint64_t drained = 0;
  for (auto &each : cpus_) {
    PerCpuPages *cpu = each.load(std::memory_order_acquire);
    if (cpu == nullptr || cpu->total() == 0) continue;
    // A list a visit, so that its owner never waits for long.
    std::size_t count = 0;
    for (unsigned list = 0; list < kMobilities; ++list) {
      std::vector<std::uint32_t> frames(cpu->count(list) + kLargestBatch);
      cpu->lock.begin_visit();
      const std::uint32_t taken = cpu->take_cold(list, frames);
      cpu->lock.end_visit();
      for (std::span<std::uint32_t> left = std::span(frames).first(taken); !left.empty();) {
        const std::size_t slice = std::min<std::size_t>(left.size(), kPageblockFrames);
        ZoneGuard guard(lock_);
        give_back_locked(left.first(slice));
        left = left.subspan(slice);
      }
      count += taken;
    }
    drained += count;
  }
  return drained;
}

std::uint64_t Zone::per_cpu_frames() const {
  std::uint64_t sum = 0;
  for (const auto &each : cpus_)
    if (const PerCpuPages *cpu = each.load(std::memory_order_acquire)) sum += cpu->total();
  return sum;
}

} // namespace pagoda::phys
