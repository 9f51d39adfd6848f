// The binary buddy: blocks of 2^order frames, aligned to their size, split on demand and merged with
// their buddy when both are free (Knowlton 1965; Knuth, TAOCP vol. 1, 2.5), with a free list for each
// order and migratetype as in Linux (mm/page_alloc.c).
//
// A "list" is a set of pageblocks: those of the type that have a free block of the order. Which blocks
// is in the pageblock's tree (pageblock.hpp). The lowest address goes first. So a handful of dense cache
// lines serve gigabytes, changing a pageblock's type moves a few bits, and no page descriptor is read.
//
// Memory that was added but never needed stays "fresh": neither its descriptors nor its pageblocks are
// touched, so that a space of many GiB costs nothing until it is used. Fresh memory is free memory of
// the Movable type.
//
// Invariants (`invariant()`): free blocks are aligned, never overlap, and no two free buddies of one
// order and mergeable types stand side by side; every set and count agrees with the trees; all blocks of
// a pageblock are of its type.
//
// Not locked: guarded by the lock of its zone. Figures in atomics may be read by anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/phys/index_set.hpp"
#include "mmu/phys/metadata.hpp"
#include "mmu/phys/migratetype.hpp"
#include "mmu/phys/order.hpp"
#include "mmu/phys/pageblock.hpp"

namespace pagoda::phys {

struct Block {
  Gfn head;
  Order order = 0;
  [[nodiscard]] GfnRange frames() const { return {head, head + frames_in(order)}; }
};

struct BuddyOptions {
  Order max_order = kMaxOrder;
  bool group_by_mobility = true; // false: every request is Movable
};

class Buddy {
public:
  // How many of the frames that are handed out can be moved; for the claim rules.
  class Occupancy {
  public:
    virtual ~Occupancy() = default;
    [[nodiscard]] virtual std::uint64_t movable_frames(GfnRange frames) const = 0;
  };

  Buddy() = default;
  // `table[n]` is the pageblock of frames 512n to 512n + 511, all zero at first; not owned. `span`: the
  // frames that will be added lie in it. No other buddy has a frame of its pageblocks.
  Buddy(std::span<PageBlock> table, GfnRange span, BuddyOptions options = {}, const Occupancy *occupancy = nullptr);

  // Adds frames to manage; they never overlap what was added before.
  void add(GfnRange range);

  // --- allocation
  // A block, by fallback from other types' pageblocks where need be; nothing when there is none (or the
  // order is above the highest).
  [[nodiscard]] std::optional<Gfn> allocate(Order order, Migratetype type);
  // From the type's own pageblocks alone.
  [[nodiscard]] std::optional<Gfn> allocate_own(Order order, Migratetype type);
  // Blocks of `frames` frames together, the smallest blocks there are first, at most out.size() blocks;
  // how many blocks.
  [[nodiscard]] std::size_t allocate_scattered(std::uint64_t frames, Migratetype type, std::span<Block> out);
  // One run of at most `frames` frames, as long as it can be had in one block; not empty on success.
  [[nodiscard]] std::optional<GfnRange> allocate_run(std::uint64_t frames, Migratetype type);

  // --- free
  // Takes a block back. False, and nothing happens, when a frame of it is free already or not managed.
  [[nodiscard]] bool free(Gfn head, Order order);
  // The same for a block that is known to be handed out.
  void give_back(Gfn head, Order order);
  void give_back(std::span<const std::uint32_t> frames); // single ones
  void give_back(GfnRange run); // any run of handed-out frames, in the largest blocks that it holds
  [[nodiscard]] bool overlaps_free(Gfn head, Order order) const;

  // --- migratetypes; the frame lies in a pageblock with managed frames
  [[nodiscard]] Migratetype type_of(Gfn frame) const { return block_of(frame).type(); }
  // Moves the pageblock with all its free blocks to another type.
  void set_type(Gfn frame, Migratetype type);
  // Keeps the pageblock back for requests that cannot wait. False when it is kept back or isolated.
  bool reserve_high_atomic(Gfn frame);
  // Gives a pageblock that was kept back, and has free frames, to `type`. False when there is none.
  bool unreserve_high_atomic(Migratetype type);

  // --- isolation, by whole pageblocks (see zone_isolation)
  [[nodiscard]] bool isolate(Gfn pageblock); // false when it is isolated already
  void unisolate(Gfn pageblock);
  // Takes the free blocks of an isolated pageblock out; how many frames.
  std::uint64_t take_isolated(Gfn pageblock, std::vector<Block> &out);
  // A free block of at least `least` (a pageblock or more) that was not reported yet, taken out and
  // marked; `finish_report` puts it back.
  [[nodiscard]] std::optional<Block> begin_report(Order least);
  void finish_report(const Block &block);
  // Frames leave or come back.
  void remove_managed(std::uint64_t frames) { managed_ -= frames; }
  void add_managed(std::uint64_t frames) { managed_ += frames; }

  // --- figures
  [[nodiscard]] GfnRange span() const { return span_; }
  [[nodiscard]] const BuddyOptions &options() const { return options_; }
  [[nodiscard]] std::uint64_t managed() const { return managed_; }
  // That can be handed out: without isolated ones.
  [[nodiscard]] std::uint64_t free_frames() const { return free_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t isolated_frames() const { return isolated_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t high_atomic_free() const { return high_atomic_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t high_atomic_pageblocks() const { return high_atomic_pageblocks_; }
  [[nodiscard]] std::uint64_t fresh_frames() const;
  // Free blocks of that order; fresh memory counts as the blocks it will be fed as.
  [[nodiscard]] std::uint64_t free_blocks(Order order, Migratetype type) const;
  [[nodiscard]] std::uint64_t free_blocks(Order order) const;
  [[nodiscard]] std::array<std::uint64_t, kMigratetypes> pageblocks() const;
  // Whether a request of that order can be met at all, without looking at any reserve.
  [[nodiscard]] bool has_block(Order order, bool with_high_atomic) const;
  [[nodiscard]] std::uint64_t claims() const { return claims_; }
  [[nodiscard]] std::uint64_t steals() const { return steals_; }
  [[nodiscard]] std::uint64_t metadata_bytes() const { return words_.size() * sizeof(std::uint64_t); }
  [[nodiscard]] bool manages(Gfn frame) const;
  // The parts of what was added that were fed.
  [[nodiscard]] std::vector<GfnRange> touched() const;
  [[nodiscard]] std::vector<GfnRange> added() const;
  // The free block that the frame lies in; nothing when it lies in none, or is fresh.
  [[nodiscard]] std::optional<Block> free_block_of(Gfn frame) const;
  [[nodiscard]] std::string invariant() const;

private:
  struct Region {
    GfnRange range;
    std::uint64_t fresh; // number of the first frame not yet fed; range.end when all is
  };
  struct List {
    std::array<IndexSet, kLargestOrder + 1> sets;
    std::array<std::uint64_t, kLargestOrder + 1> counts{}; // blocks
    std::uint32_t orders = 0;                              // whose set is not empty, a bit each
  };

  [[nodiscard]] PageBlock &block_of(Gfn frame) { return table_[frame.number() >> kPageblockOrder]; }
  [[nodiscard]] const PageBlock &block_of(Gfn frame) const { return table_[frame.number() >> kPageblockOrder]; }
  [[nodiscard]] List &list(Migratetype type) { return lists_[unsigned(type)]; }
  [[nodiscard]] const List &list(Migratetype type) const { return lists_[unsigned(type)]; }
  [[nodiscard]] std::uint32_t index_of(Gfn frame) const {
    return std::uint32_t((frame.number() >> kPageblockOrder) - first_pageblock_);
  }
  [[nodiscard]] Migratetype effective(Migratetype type) const {
    return options_.group_by_mobility || unsigned(type) >= kMobilities ? type : Migratetype::Movable;
  }
  void account(Migratetype type, std::int64_t frames); // free frames that come or go

  // A block onto and off its list; frames are not accounted.
  void put(Gfn head, Order order, Migratetype type);
  void take(Gfn head, Order order, Migratetype type);
  void put_small(PageBlock &block, std::uint32_t index, unsigned bit, Order order, List &to);
  void take_small(PageBlock &block, std::uint32_t index, unsigned bit, Order order, List &from);
  // The first block of a list that has one of that order.
  [[nodiscard]] Gfn first(const List &from, Order order) const;
  // Puts back all of a block of order `from` but its first 2^to frames.
  void put_rest(Gfn head, Order from, Order to, Migratetype type);
  void merge_and_put(Gfn head, Order order);
  [[nodiscard]] bool can_merge(std::uint64_t pageblock, Order order, Migratetype type) const;
  [[nodiscard]] std::size_t pop_frames(Migratetype type, std::uint64_t frames, std::span<Block> out);

  [[nodiscard]] bool feed(); // one more block out of fresh memory
  void feed_through(Gfn frame);
  // A free block of pageblocks over this one becomes single pageblocks; its frames.
  GfnRange split_whole(Gfn frame);
  void merge_again(Gfn pageblock); // after a split or a change of type

  // Fallback (buddy_fallback.cpp).
  [[nodiscard]] std::optional<Gfn> allocate_fallback(Order order, Migratetype type);
  [[nodiscard]] std::optional<Gfn> claim(Order order, Migratetype type);
  [[nodiscard]] std::optional<Gfn> steal(Order order, Migratetype type);
  [[nodiscard]] bool try_to_claim(Gfn head, Order order, Order wanted, Migratetype type);

  [[nodiscard]] std::string check_pageblock(std::uint64_t number) const;
  [[nodiscard]] std::string check_lists() const;

  std::span<PageBlock> table_;
  GfnRange span_;
  std::uint64_t first_pageblock_ = 0;
  std::uint64_t pageblock_count_ = 0;
  BuddyOptions options_;
  const Occupancy *occupancy_ = nullptr;
  Metadata<std::uint64_t> words_; // of the sets
  std::array<List, kMigratetypes> lists_{};
  std::vector<Region> regions_;
  std::uint64_t managed_ = 0;
  std::uint64_t claims_ = 0;
  std::uint64_t steals_ = 0;
  std::uint64_t high_atomic_pageblocks_ = 0;
  std::atomic<std::uint64_t> free_{0};
  std::atomic<std::uint64_t> isolated_{0};
  std::atomic<std::uint64_t> high_atomic_{0};
};

} // namespace pagoda::phys
