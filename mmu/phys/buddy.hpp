// The binary buddy: blocks of 2^order frames, aligned to their size, split on demand and merged with
// their buddy when both are free (Knowlton 1965; Knuth, TAOCP vol. 1, 2.5).
//
// It keeps its state in the descriptors alone: intrusive links and a block state in each head. Memory
// that was added but never needed stays "fresh": its descriptors are not touched, so that a space of
// many GiB costs nothing until it is used. Fresh memory is free memory.
//
// Invariants (`invariant()`): every frame below a range's fresh part lies in exactly one block; a
// block is aligned to its size; two free buddies of one order never stand side by side; the lists
// hold just the free heads.
//
// Not locked: guarded by the lock of PhysicalMemory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/phys/frame.hpp"

namespace pagoda::phys {

class Buddy {
public:
  Buddy() = default;
  // `frames[n]` describes frame n; all zero at first. Not owned.
  explicit Buddy(std::span<Frame> frames) : frames_(frames) {}

  // Adds frames to manage. Ranges lie within the descriptors and never overlap.
  void add(GfnRange range);

  // The head of a block of that order, nothing when there is none (or the order is above kMaxOrder).
  [[nodiscard]] std::optional<Gfn> allocate(Order order);
  // Turns a block that was handed out into 2^order blocks of one frame each, all handed out.
  void split_used(Gfn head);
  // Takes a block back. False, and nothing happens, unless `head` heads a block that was handed out:
  // a second free, the middle of a block, a hole or a number out of range.
  [[nodiscard]] bool free(Gfn head);

  [[nodiscard]] std::uint64_t managed() const { return managed_; }
  [[nodiscard]] std::uint64_t free_frames() const { return free_; }
  // Free blocks of that order; fresh memory counts as the blocks it will be fed as.
  [[nodiscard]] std::uint64_t free_blocks(Order order) const;
  // Whether the frame was added.
  [[nodiscard]] bool manages(Gfn frame) const;
  // The parts of what was added whose descriptors are in use.
  [[nodiscard]] std::vector<GfnRange> touched() const;
  [[nodiscard]] std::string invariant() const;

private:
  struct Region {
    GfnRange range;
    std::uint64_t fresh; // number of the first frame not yet fed; range.end when all is
  };
  [[nodiscard]] Frame &at(std::uint64_t number) { return frames_[number]; }
  [[nodiscard]] const Frame &at(std::uint64_t number) const { return frames_[number]; }
  [[nodiscard]] bool feed();                              // one more block out of fresh memory
  void insert_merging(std::uint64_t number, Order order); // a free block joins its buddies
  void push(std::uint64_t number, Order order);           // onto the list of its order
  void unlink(std::uint64_t number);                      // off its list
  [[nodiscard]] std::string check_region(const Region &, std::array<std::uint64_t, kMaxOrder + 1> &seen) const;
  [[nodiscard]] std::string check_block(std::uint64_t number, std::uint64_t end) const;
  [[nodiscard]] std::string check_lists(const std::array<std::uint64_t, kMaxOrder + 1> &seen) const;

  std::span<Frame> frames_;
  std::vector<Region> regions_;
  std::array<std::uint32_t, kMaxOrder + 1> heads_{};  // frame numbers + 1
  std::array<std::uint64_t, kMaxOrder + 1> counts_{}; // blocks on each list
  std::uint64_t managed_ = 0;
  std::uint64_t free_ = 0;
};

} // namespace pagoda::phys
