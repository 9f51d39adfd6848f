// Guest-physical memory: the backing mapping, its descriptors, and nodes of zones that hand frames out.
//
// The backing is one host mapping that covers [0, topology.end()); RAM above 3 GiB continues at 4 GiB,
// and the hole between is reserved address space without frames. So Hva = base + Gpa everywhere, and
// a descriptor is one shift and one load away. Frame 0 is never handed out: Gfn 0 means none.
//
// An allocation walks the zonelist of its preferred node: a zone's per-CPU list first, then its buddy as
// long as the zone stays above its watermark; then it calls for reclaim, goes down to the min
// watermark, drains the per-CPU lists, and gives up. The kernel charge is a floor under all of it.
//
// Invariants (`invariant()`): every managed frame is free in one block, on one per-CPU list, or handed out;
// descriptors, trees, lists and counters agree.
//
// Locks: each zone has its own (zone.hpp); nothing here is locked besides. Frames are zeroed and
// references counted without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/phys/bad_free.hpp"
#include "mmu/phys/figures.hpp"
#include "mmu/phys/frame.hpp"
#include "mmu/phys/free_block_reporter.hpp"
#include "mmu/phys/memblock.hpp"
#include "mmu/phys/metadata.hpp"
#include "mmu/phys/numa_counters.hpp"
#include "mmu/phys/pressure_handler.hpp"
#include "mmu/phys/request.hpp"
#include "mmu/phys/topology.hpp"
#include "mmu/phys/zone.hpp"
#include "mmu/phys/zonelist.hpp"

namespace pagoda::phys {

enum class Zeroed : bool { No, Yes };

class PhysicalMemory {
public:
  // `base`: host address of Gpa 0, valid for [0, topology.end()). Not owned. The topology has no
  // problem(). Throws std::bad_alloc when the host has no address space for the descriptors.
  PhysicalMemory(Topology topology, std::byte *base);
  // One node without reserves: every frame can be had.
  PhysicalMemory(const Layout &layout, std::byte *base);
  ~PhysicalMemory();
  PhysicalMemory(const PhysicalMemory &) = delete;
  PhysicalMemory &operator=(const PhysicalMemory &) = delete;

  // --- allocation
  // A block of 2^order frames with one reference on its head. Without Gfp::Zero the frames hold what they
  // held. Invalid: an order, kind or node that there is not. OutOfMemory: nothing free above the
  // reserves that the request must leave.
  [[nodiscard]] Result<Gfn> allocate(const Request &request);
  // Up to out.size() single frames (whatever the request's order), physically adjacent where that is
  // cheap; how many were had. This is the path of fault-around: one lock for all of them.
  [[nodiscard]] std::size_t allocate_bulk(std::span<Gfn> out, const Request &request);
  // The same with the usual flags of the kind (usual_gfp).
  [[nodiscard]] Result<Gfn> allocate(Order order, FrameKind kind, Owner owner, Zeroed zeroed = Zeroed::Yes);
  [[nodiscard]] std::size_t allocate_bulk(std::span<Gfn> out, FrameKind kind, Owner owner, Zeroed zeroed);

  // --- references
  void get(Gfn frame); // one more reference; aborts unless the caller holds one already
  // Takes a reference on a frame that may just have been freed: false when it was.
  [[nodiscard]] bool try_get(Gfn frame);
  // Drops one reference; the last one frees the block. A frame without references, or one that is no
  // RAM, is refused and counted.
  void put(Gfn frame);
  void put_all(std::span<const Gfn> frames); // as put for each, adjacent ones together
  // Frees a block that nobody else has a reference to and nobody can be looking for: as put, without an
  // atomic, and with the order checked. Refused otherwise.
  void free(Gfn head, Order order);
  // Turns a block into single frames, each with the head's references.
  void split(Gfn head);

  // --- descriptors
  [[nodiscard]] std::byte *host(Gfn frame) const { return base_ + (frame.number() << kPageShift); }
  [[nodiscard]] std::byte *host(Gpa gpa) const { return base_ + gpa.value(); }
  // What is no RAM reads as a Reserved frame; inside a block of pageblocks its head answers.
  [[nodiscard]] const Frame &frame(Gfn gfn) const;
  // The caller holds the frame and knows that it heads a block.
  [[nodiscard]] Frame &descriptor(Gfn gfn) { return frames_[gfn.number()]; }
  // The head of the handed-out block that the frame lies in; itself when it lies in none.
  [[nodiscard]] Gfn head_of(Gfn gfn) const;
  // Sets or clears a flag. False, and nothing happens, when the transition is not legal (frame_flags.hpp).
  [[nodiscard]] bool set_flag(Gfn frame, FrameFlag flag);
  [[nodiscard]] bool clear_flag(Gfn frame, FrameFlag flag);
  // RAM, as opposed to a hole or beyond the end; DEVICE memory is RAM.
  [[nodiscard]] bool is_ram(Gfn gfn) const {
    const std::uint64_t number = gfn.number();
    if (number < ram_end_) [[likely]]
      return number < Gfn::of(kHoleBegin).number() || number >= Gfn::of(kHoleEnd).number();
    return is_device(gfn);
  }
  [[nodiscard]] const Layout &layout() const { return layout_; }
  [[nodiscard]] const Topology &topology() const { return topology_; }
  [[nodiscard]] Migratetype migratetype(Gfn frame) const;
  // Nothing for what no zone has.
  [[nodiscard]] std::optional<NodeId> node_of(Gfn frame) const;
  [[nodiscard]] std::optional<ZoneType> zone_of(Gfn frame) const;

  // --- reserves and pressure
  // Frames that allocations leave free for memory that is the guest's cost but not in its RAM. False, and
  // unchanged, when the free frames do not cover a larger one. Those of HIGHMEM and above do not count:
  // a 32-bit kernel could not address them.
  bool set_kernel_charge(std::uint64_t frames);
  [[nodiscard]] std::uint64_t kernel_charge() const { return charge_.load(std::memory_order_relaxed); }
  // Null for none; it outlives its last use.
  void set_pressure_handler(PressureHandler *handler) { pressure_.store(handler, std::memory_order_release); }
  // Gives every per-CPU list back to the buddies; how many frames.
  std::uint64_t drain();

  // --- ranges (whole pageblocks: Invalid otherwise)
  // Nothing is handed out from the range from here on. Busy: part of it is isolated already.
  [[nodiscard]] Result<> isolate_range(GfnRange range);
  void unisolate_range(GfnRange range);
  // Takes an isolated range, all of it free, out of the memory. Busy: a frame of it is in use.
  [[nodiscard]] Result<> offline_range(GfnRange range);
  // Puts a range back that was taken out as a whole. NotMapped: it was not.
  Result<> online_range(GfnRange range);
  // All of the range, as single frames with a reference each. Busy: a frame of it is in use.
  [[nodiscard]] Result<> allocate_range(GfnRange range, FrameKind kind, Owner owner);
  // A part of topology().device_room() becomes DEVICE memory: one reference on each frame, contents
  // kept. The caller has mapped the file at its host address. Exists: overlaps what was added.
  [[nodiscard]] Result<> add_device(GpaRange range);
  // Busy: somebody else has a reference to a frame of it. NotMapped: was not added so.
  [[nodiscard]] Result<> remove_device(GpaRange range);
  // Tells the reporter about at most `most` free blocks of that order or above (a pageblock at least) that
  // it does not know of; how many.
  std::size_t report_free_blocks(FreeBlockReporter &reporter, Order least, std::size_t most);

  // --- what it holds
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] MemoryFigures figures() const;
  // Zones in order, pageblocks by address within each.
  void for_each_pageblock(const std::function<void(const PageblockFigures &)> &visit) const;
  // Every block that is handed out: its head, its descriptor and how many frames.
  void for_each_block(const std::function<void(Gfn, const Frame &, std::uint64_t)> &visit) const;
  [[nodiscard]] BadFreeReport last_bad_free() const;
  // A refused free ends the process with its name: for debugging.
  void abort_on_bad_free(bool abort) { abort_on_bad_free_.store(abort, std::memory_order_relaxed); }
  // Bytes of host address space for descriptors; what of it was touched costs memory.
  [[nodiscard]] std::uint64_t metadata_bytes() const;
  // Empty when every invariant holds, else what is broken. Slow: walks every touched descriptor. Other
  // threads do not use the memory meanwhile.
  [[nodiscard]] std::string invariant() const;

private:
  struct Taken {
    Gfn head;
    Zone *zone = nullptr;
  };
  void add_zones();
  void set_watermarks();
  [[nodiscard]] bool is_device(Gfn gfn) const;
  [[nodiscard]] Zone *find_zone(Gfn frame) const;

  // Allocation (physical_memory_allocate.cpp).
  [[nodiscard]] bool valid(const Request &request) const;
  [[nodiscard]] std::optional<Taken> allocate_slowly(const Request &request);
  [[nodiscard]] std::optional<Taken> try_zones(const Request &request, Reserve reserve);
  [[nodiscard]] std::size_t try_zones_bulk(std::span<Gfn> out, const Request &request, Reserve reserve);
  [[nodiscard]] bool make_room(const Request &request, unsigned round);
  // Whether the kernel's memory could come from the zone, so that its free frames stand for the charge.
  [[nodiscard]] bool bears_charge(const Zone &zone) const {
    return topology_.layout != LayoutKind::Split32 || zone.type() <= ZoneType::Normal;
  }
  // Frames of the zone that may still go, above the kernel charge.
  [[nodiscard]] std::uint64_t above_charge(const Zone &zone) const;
  void adopt(Zone &zone, Gfn head, Order order, const Request &request);
  [[nodiscard]] Result<Gfn> refused();
  [[nodiscard]] Result<Gfn> allocate_from_zones(const Request &request);
  [[nodiscard]] Result<Gfn> finish_single(Zone &zone, Gfn frame, const Request &request);
  void adopt_run(Zone &zone, std::span<const Gfn> frames, const Request &request);
  void count_nodes(Zone &zone, const Request &request, std::uint64_t frames);

  // Free (physical_memory_free.cpp).
  [[nodiscard]] bool drop(Gfn frame); // true when it was the last reference
  void refuse(BadFree what, Gfn frame);
  [[nodiscard]] BadFree what_is_wrong(Gfn frame) const;
  // The last reference is gone. Inline, as Zone::free_single: it is half of what a frame costs.
  [[gnu::always_inline]] void release(Frame &first, Gfn head);
  void release_block(Zone &zone, Gfn head, Order order);
  [[nodiscard]] bool forget(Frame &frame, Gfn gfn); // a single frame becomes Loose; false when it is held
  void release_run(Zone &zone, GfnRange run);

  // Ranges (physical_memory_ranges.cpp).
  [[nodiscard]] Result<> check_pageblocks(GfnRange range) const;
  [[nodiscard]] Result<> isolate_locked(GfnRange range) PAGODA_REQUIRES(ranges_lock_);
  void unisolate_locked(GfnRange range) PAGODA_REQUIRES(ranges_lock_);
  [[nodiscard]] bool all_free(GfnRange range) const; // and isolated

  Topology topology_;
  Layout layout_;
  std::byte *base_;
  std::uint64_t frame_count_ = 0;
  std::uint64_t ram_end_ = 0;
  Metadata<Frame> frames_;
  Metadata<PageBlock> pageblocks_;
  std::uint64_t reserved_ = 0; // frames of RAM that were never handed over
  std::vector<std::unique_ptr<Zone>> zones_;
  std::optional<Zonelists> zonelists_;
  NumaCounters numa_;
  std::atomic<std::uint64_t> charge_{0};
  std::atomic<PressureHandler *> pressure_{nullptr};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> refused_frees_{0};
  std::atomic<std::uint64_t> last_bad_frame_{0};
  std::atomic<BadFree> last_bad_free_{BadFree::None};
  std::atomic<bool> abort_on_bad_free_{false};
  mutable Mutex ranges_lock_; // isolation, offline and devices, one at a time
  std::vector<GfnRange> offline_ PAGODA_GUARDED_BY(ranges_lock_);
  std::vector<GfnRange> devices_ PAGODA_GUARDED_BY(ranges_lock_);
  std::atomic<std::uint64_t> device_end_{0}; // DEVICE frames lie below; 0 without any
};

} // namespace pagoda::phys
