#include "tools/measure/managers.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

#include "mmu/phys/kernel_arena.hpp"
#include "mmu/phys/kmalloc.hpp"
#include "mmu/phys/slab/registry.hpp"
#include "mmu/space/vmalloc.hpp"
#include "tools/measure/managed_frames.hpp"

namespace pagoda::measure {
namespace {

constexpr phys::Order kUsefulOrder = std::countr_zero(kUsefulBlock) - kPageShift;

std::uint64_t aligned_blocks(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t first = (begin + kUsefulBlock - 1) / kUsefulBlock, last = end / kUsefulBlock;
  return last > first ? (last - first) * kUsefulBlock : 0;
}

Holding holding_of(const phys::PhysicalMemory &memory) {
  const phys::Counters counters = memory.counters();
  Holding holding{.held = (counters.managed - counters.free) << kPageShift, .free = counters.free << kPageShift};
  for (unsigned order = kUsefulOrder; order < counters.free_blocks.size(); ++order)
    holding.useful += counters.free_blocks[order] << order << kPageShift;
  return holding;
}

std::unique_ptr<phys::KernelArena> arena_of(std::uint64_t bytes) {
  auto arena = phys::KernelArena::create(bytes);
  if (!arena) throw std::bad_alloc();
  return std::move(*arena);
}

// A replay gives back what it was given, once.
void must(const Result<> &done) {
  if (!done) std::abort();
}

class MemblockManager final : public Manager {
public:
  MemblockManager(std::uint64_t bytes, phys::Fit fit) : fit_(fit) {
    must(memory_.add({Gpa(kBegin), Gpa(kBegin + bytes)}));
  }
  std::optional<std::uint64_t> allocate(std::uint64_t bytes) override {
    const auto at = memory_.allocate(bytes, kAlign, fit_);
    return at ? std::optional(at->value()) : std::nullopt;
  }
  void free(std::uint64_t handle, std::uint64_t bytes) override {
    must(memory_.free({Gpa(handle), Gpa(handle + bytes)}));
  }
  Holding holding() const override {
    Holding holding{.held = memory_.reserved_bytes(), .free = memory_.free_bytes()};
    for (const GpaRange &hole : memory_.holes()) holding.useful += aligned_blocks(hole.begin.value(), hole.end.value());
    return holding;
  }

private:
  static constexpr std::uint64_t kBegin = 1ull << 30, kAlign = 8;
  phys::Memblock memory_;
  phys::Fit fit_;
};

class BuddyManager final : public Manager {
public:
  explicit BuddyManager(std::uint64_t bytes) : frames_(bytes >> kPageShift) {}
  std::optional<std::uint64_t> allocate(std::uint64_t bytes) override {
    const auto order = order_of(bytes);
    const auto frame = order > phys::kMaxOrder ? std::nullopt : frames_.allocate(order, PageType::Unmovable);
    return frame ? std::optional(frame->number()) : std::nullopt;
  }
  void free(std::uint64_t handle, std::uint64_t bytes) override { frames_.free(Gfn(handle), order_of(bytes)); }
  Holding holding() const override { return holding_of(frames_.memory()); }

private:
  static unsigned order_of(std::uint64_t bytes) {
    return unsigned(std::bit_width((page_ceil(bytes) >> kPageShift) - 1));
  }
  ManagedFrames frames_;
};

class SlabManager final : public Manager {
public:
  SlabManager(std::uint64_t bytes, phys::SlabPolicy policy)
      : arena_(arena_of(bytes)), registry_(*arena_, {.policy = policy, .checks = phys::CacheFlags::None}),
        kmalloc_(registry_) {}
  std::optional<std::uint64_t> allocate(std::uint64_t bytes) override {
    void *block = kmalloc_.allocate(bytes);
    return block == nullptr ? std::nullopt : std::optional(std::uint64_t(reinterpret_cast<std::uintptr_t>(block)));
  }
  void free(std::uint64_t handle, std::uint64_t) override {
    kmalloc_.free(reinterpret_cast<void *>(std::uintptr_t(handle))); // NOLINT(performance-no-int-to-ptr)
  }
  Holding holding() const override { return holding_of(arena_->memory()); }

private:
  std::unique_ptr<phys::KernelArena> arena_;
  phys::SlabRegistry registry_;
  phys::Kmalloc kmalloc_;
};

class VmallocManager final : public Manager {
public:
  explicit VmallocManager(std::uint64_t bytes)
      : arena_(arena_of(bytes)), areas_(*arena_, nullptr, 2 * bytes) {} // guard pages take addresses too
  std::optional<std::uint64_t> allocate(std::uint64_t bytes) override {
    const auto area = areas_.allocate(bytes);
    return area ? std::optional(std::uint64_t(reinterpret_cast<std::uintptr_t>(*area))) : std::nullopt;
  }
  void free(std::uint64_t handle, std::uint64_t) override {
    must(areas_.free(reinterpret_cast<void *>(std::uintptr_t(handle)))); // NOLINT(performance-no-int-to-ptr)
  }
  // Any free frames will do, as long as the addresses have a gap.
  Holding holding() const override {
    Holding holding = holding_of(arena_->memory());
    std::uint64_t gaps = 0, at = 0, first = 0;
    for (const space::VmallocFigures &area : areas_.figures()) {
      const auto begin = std::uint64_t(reinterpret_cast<std::uintptr_t>(area.begin));
      if (at == 0) first = begin;
      if (at != 0) gaps += (begin - at) / kUsefulBlock * kUsefulBlock;
      at = begin + area.bytes;
    }
    gaps += (areas_.total_bytes() - std::min(areas_.total_bytes(), at - first)) / kUsefulBlock * kUsefulBlock;
    holding.useful = std::min(holding.free / kUsefulBlock * kUsefulBlock, gaps);
    return holding;
  }

private:
  std::unique_ptr<phys::KernelArena> arena_;
  space::Vmalloc areas_;
};

} // namespace

ManagerKind memblock_manager(phys::Fit fit) {
  const char *policy = fit == phys::Fit::First ? "first fit" : fit == phys::Fit::Best ? "best fit" : "worst fit";
  return {"memblock", policy, [fit](std::uint64_t bytes) { return std::make_unique<MemblockManager>(bytes, fit); }};
}

ManagerKind buddy_manager() {
  return {"buddy", "powers of two", [](std::uint64_t bytes) { return std::make_unique<BuddyManager>(bytes); }};
}

ManagerKind slab_manager(phys::SlabPolicy policy) {
  const char *name = policy == phys::SlabPolicy::Slub ? "slub" : policy == phys::SlabPolicy::Slab ? "slab" : "slob";
  return {"kmalloc", name, [policy](std::uint64_t bytes) { return std::make_unique<SlabManager>(bytes, policy); }};
}

ManagerKind vmalloc_manager() {
  return {"vmalloc", "lowest gap", [](std::uint64_t bytes) { return std::make_unique<VmallocManager>(bytes); }};
}

} // namespace pagoda::measure
