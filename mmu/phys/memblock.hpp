// The allocator before the allocator: plain lists of memory ranges and of what is taken of them (Linux,
// mm/memblock.c). The buddy gets what is left when it starts; on its own it shows what a list of
// holes does under first, best and worst fit (Knuth, TAOCP vol. 1, 2.5).
//
// Invariants (`invariant()`): memory ranges are ordered and apart; holes are ordered, apart, and within
// memory; what is neither a hole nor outside memory is reserved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"

namespace pagoda::phys {

enum class Fit : std::uint8_t {
  First, // the lowest hole that is large enough
  Best,  // the smallest
  Worst, // the largest
};

class Memblock {
public:
  // Memory to manage. Exists: overlaps what is there already. Invalid: empty.
  Result<> add(GpaRange range);
  // Takes a range out of use; parts that are no memory, or taken already, do not matter.
  void reserve(GpaRange range);
  // A range of `bytes`, aligned to a power of two, below `limit`. Invalid: no bytes or no power of two;
  // OutOfMemory: no hole.
  Result<Gpa> allocate(std::uint64_t bytes, std::uint64_t align, Fit fit = Fit::First, Gpa limit = Gpa(~0ull));
  // Gives a range back. Invalid, and nothing happens, unless all of it is memory and reserved.
  Result<> free(GpaRange range);

  [[nodiscard]] std::uint64_t memory_bytes() const { return memory_bytes_; }
  [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_; }
  [[nodiscard]] std::uint64_t reserved_bytes() const { return memory_bytes_ - free_bytes_; }
  [[nodiscard]] std::uint64_t largest_hole() const { return by_size_.empty() ? 0 : by_size_.rbegin()->first; }
  [[nodiscard]] std::size_t hole_count() const { return holes_.size(); }
  [[nodiscard]] bool is_memory(GpaRange range) const;
  [[nodiscard]] bool is_reserved(Gpa at) const; // memory, and taken
  // In order of their addresses.
  [[nodiscard]] std::vector<GpaRange> holes() const;
  [[nodiscard]] std::vector<GpaRange> reserved() const;

  // The buddy takes over: whole frames within the holes that lie in `range`. What is handed over is
  // reserved from then on.
  [[nodiscard]] std::vector<GfnRange> hand_over(GfnRange range);
  [[nodiscard]] std::string invariant() const;

private:
  using Holes = std::map<Gpa, Gpa>; // begin -> end
  void insert_hole(GpaRange range);
  void erase_hole(Holes::iterator hole);
  void cut(Holes::iterator hole, GpaRange part); // takes `part` out of the hole
  [[nodiscard]] Holes::iterator find(std::uint64_t bytes, std::uint64_t align, Fit fit, Gpa limit);

  std::map<Gpa, Gpa> memory_;
  Holes holes_;
  std::set<std::pair<std::uint64_t, Gpa>> by_size_; // of holes: bytes and begin
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t free_bytes_ = 0;
};

} // namespace pagoda::phys
