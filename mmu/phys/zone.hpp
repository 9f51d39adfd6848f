// A zone: the frames of one node and one zone type, with their buddy, per-CPU lists, watermarks and counters.
//
// Lock order: per-CPU list (entered by its owner) -> `lock_`. A visit of a per-CPU list from outside is
// never made while `lock_` is held; visitors exclude each other by `visitors_`.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mmu/base/cpu_slot.hpp"
#include "mmu/phys/buddy.hpp"
#include "mmu/phys/counter.hpp"
#include "mmu/phys/figures.hpp"
#include "mmu/phys/frame.hpp"
#include "mmu/phys/per_cpu_pages.hpp"
#include "mmu/phys/topology.hpp"
#include "mmu/phys/watermark.hpp"
#include "mmu/phys/zone_lock.hpp"

namespace pagoda::phys {

// How far down a request may take a zone.
struct Reserve {
  enum class Mark : std::uint8_t { Low, Min, Nothing };
  Mark mark = Mark::Low;
  bool high = false; // may take half of what is below
  ZoneType highest = ZoneType::Normal;
};

class Zone final : private Buddy::Occupancy {
public:
  // `frames[n]` and `table[n]` describe frame n and pageblock n of the whole memory; not owned.
  Zone(const ZoneSpan &span, std::uint8_t index, Frame *frames, std::span<PageBlock> table, BuddyOptions options);
  ~Zone() override;

  // Set-up, before any other thread knows the zone.
  void add(GfnRange frames);
  void set_watermarks(const Watermarks &marks, const PerCpuLimits &limits);

  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] ZoneType type() const { return type_; }
  [[nodiscard]] std::uint8_t index() const { return index_; }
  [[nodiscard]] GfnRange span() const { return span_; }
  [[nodiscard]] const Watermarks &watermarks() const { return marks_; }
  // Free frames of the buddy that can be handed out.
  [[nodiscard]] std::uint64_t free_frames() const { return buddy_.free_frames(); }
  [[nodiscard]] std::uint64_t managed() const { return managed_.load(std::memory_order_relaxed); }
  // Frames above the reserve.
  [[nodiscard]] std::uint64_t spare(const Reserve &reserve, bool high_atomic) const;

  // --- single frames, through the slot's list
  // The slot's list; null without a slot or without host memory for it.
  [[nodiscard]] PerCpuPages *cpu(unsigned slot) {
    if (slot >= kCpuSlots) [[unlikely]]
      return nullptr;
    PerCpuPages *known = cpus_[slot].load(std::memory_order_acquire);
    return known != nullptr ? known : make_cpu(slot);
  }
  // Null when it was not used yet.
  [[nodiscard]] PerCpuPages *known_cpu(unsigned slot) const {
    return slot < kCpuSlots ? cpus_[slot].load(std::memory_order_relaxed) : nullptr;
  }
  // A frame of the slot's list, 0 when it has none.
  [[nodiscard]] std::uint32_t pop(PerCpuPages &cpu, Migratetype type) {
    if (!cpu.lock.try_enter()) [[unlikely]]
      return 0;
    const auto list = unsigned(listed_type(type));
    const std::uint32_t frame = cpu.pop(list);
    cpu.lock.leave();
    return frame;
  }
  // The same after a refill with at most `most` frames.
  [[nodiscard]] std::optional<Gfn> allocate_single(PerCpuPages *cpu, Migratetype type, std::uint64_t most)
      PAGODA_EXCLUDES(lock_);
  // The frame is free from here on: nobody has a reference, its descriptor says so.
  [[gnu::always_inline]] void free_single(PerCpuPages *cpu, Gfn frame) PAGODA_EXCLUDES(lock_) {
    if (cpu == nullptr || !cpu->lock.try_enter()) [[unlikely]]
      return free_single_locked(frame);
    // Read inside: whoever isolates the pageblock visits this list afterwards.
    const Migratetype type = table_[frame.number() >> kPageblockOrder].type();
    if (unsigned(type) >= kMobilities) [[unlikely]] {
      cpu->lock.leave();
      return free_single_locked(frame);
    }
    const auto list = unsigned(listed_type(type));
    if (cpu->push(list, std::uint32_t(frame.number()))) [[unlikely]]
      return spill_and_leave(*cpu, list);
    cpu->lock.leave();
  }

  // --- blocks and runs, straight from the buddy
  [[nodiscard]] std::optional<Gfn> allocate_block(Order order, Migratetype type, bool high_atomic)
      PAGODA_EXCLUDES(lock_);
  [[nodiscard]] std::optional<GfnRange> allocate_run(std::uint64_t frames, Migratetype type) PAGODA_EXCLUDES(lock_);
  // Runs until out is full or there is no more; how many frames.
  [[nodiscard]] std::size_t allocate_runs(std::span<Gfn> out, Migratetype type) PAGODA_EXCLUDES(lock_);
  void free_block(Gfn head, Order order) PAGODA_EXCLUDES(lock_);
  void free_run(GfnRange run) PAGODA_EXCLUDES(lock_);
  // Whether a request of that order could be met at all.
  [[nodiscard]] bool has_block(Order order, bool high_atomic) const PAGODA_EXCLUDES(lock_);

  // Gives all per-CPU frames back to the buddy; how many.
  std::uint64_t drain() PAGODA_EXCLUDES(lock_, visitors_);

  // --- pageblocks kept back for requests of several frames that cannot wait
  void reserve_high_atomic(Gfn frame) PAGODA_EXCLUDES(lock_);
  [[nodiscard]] bool unreserve_high_atomic(Migratetype type) PAGODA_EXCLUDES(lock_);

  // --- isolation, by pageblock
  [[nodiscard]] bool isolate(Gfn pageblock) PAGODA_EXCLUDES(lock_);
  void unisolate(Gfn pageblock) PAGODA_EXCLUDES(lock_);
  [[nodiscard]] bool isolated(Gfn pageblock) const PAGODA_EXCLUDES(lock_);
  // How many frames of the pageblock are free; it was fed.
  [[nodiscard]] std::uint64_t free_of(Gfn pageblock) const PAGODA_EXCLUDES(lock_);
  std::uint64_t take_isolated(Gfn pageblock, std::vector<Block> &out) PAGODA_EXCLUDES(lock_);
  void give_isolated(std::span<const Block> blocks) PAGODA_EXCLUDES(lock_);
  // Frames that were taken out come back, or leave for good.
  void set_managed(std::int64_t change) PAGODA_EXCLUDES(lock_);
  void set_present(std::int64_t change) PAGODA_EXCLUDES(lock_);
  // The managed frames of a pageblock.
  [[nodiscard]] std::vector<GfnRange> managed_of(Gfn pageblock) const PAGODA_EXCLUDES(lock_);
  [[nodiscard]] std::optional<Block> begin_report(Order least) PAGODA_EXCLUDES(lock_);
  void finish_report(const Block &block) PAGODA_EXCLUDES(lock_);

  // --- counters
  void count_allocated(PerCpuPages *cpu, FrameKind kind, std::uint64_t frames) {
    if (cpu != nullptr) [[likely]]
      bump(cpu->counters.allocated[unsigned(kind)], frames);
    else
      shared_.allocated[unsigned(kind)].fetch_add(frames, std::memory_order_relaxed);
  }
  void count_freed(PerCpuPages *cpu, FrameKind kind, std::uint64_t frames) {
    if (cpu != nullptr) [[likely]]
      bump(cpu->counters.freed[unsigned(kind)], frames);
    else
      shared_.freed[unsigned(kind)].fetch_add(frames, std::memory_order_relaxed);
  }
  [[nodiscard]] ZoneFigures figures() const PAGODA_EXCLUDES(lock_);
  void add_to(Counters &counters) const PAGODA_EXCLUDES(lock_);
  [[nodiscard]] std::uint64_t allocated_frames() const; // since creation
  [[nodiscard]] std::vector<GfnRange> touched() const PAGODA_EXCLUDES(lock_);
  [[nodiscard]] std::uint64_t metadata_bytes() const { return buddy_.metadata_bytes(); }
  void for_each_pageblock(const std::function<void(const PageblockFigures &)> &visit) const PAGODA_EXCLUDES(lock_);
  [[nodiscard]] std::uint64_t per_cpu_frames() const;
  // Empty, or what is wrong. Other threads do not use the zone meanwhile.
  [[nodiscard]] std::string invariant() PAGODA_EXCLUDES(lock_, visitors_);

private:
  [[nodiscard]] PerCpuPages *make_cpu(unsigned slot);
  [[nodiscard]] std::uint64_t movable_frames(GfnRange frames) const override;
  void refill(PerCpuPages &cpu, Migratetype type, std::uint64_t most) PAGODA_EXCLUDES(lock_);
  void spill_and_leave(PerCpuPages &cpu, unsigned list) PAGODA_EXCLUDES(lock_);
  void free_single_locked(Gfn frame) PAGODA_EXCLUDES(lock_);
  void give_back_locked(Gfn head, Order order) PAGODA_REQUIRES(lock_);
  void give_back_locked(std::span<const std::uint32_t> frames) PAGODA_REQUIRES(lock_);
  [[nodiscard]] Migratetype listed_type(Migratetype type) const {
    if (options_.group_by_mobility) [[likely]]
      return type;
    return Migratetype::Movable;
  }
  [[nodiscard]] std::string check_frames() const PAGODA_REQUIRES(lock_);
  [[nodiscard]] std::string check_listed(std::vector<std::uint32_t> listed) const PAGODA_REQUIRES(lock_);

  // Read by every allocation, written at set-up.
  const NodeId node_;
  const ZoneType type_;
  const std::uint8_t index_;
  const BuddyOptions options_;
  const GfnRange span_;
  Frame *const frames_;
  const std::span<PageBlock> table_;
  Watermarks marks_;
  PerCpuLimits limits_;
  std::array<std::atomic<PerCpuPages *>, kCpuSlots> cpus_{};

  alignas(128) mutable ZoneLock lock_;
  Buddy buddy_; // guarded by lock_, but for figures in atomics
  std::uint64_t present_ = 0;
  std::atomic<std::uint64_t> managed_{0};
  std::uint64_t reporting_ = 0;       // frames out for a report
  alignas(128) FrameCounters shared_; // of threads without a slot
  Mutex visitors_;
};

} // namespace pagoda::phys
