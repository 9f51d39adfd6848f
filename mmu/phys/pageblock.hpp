// A pageblock: 512 frames with one migratetype, and which blocks of it are free.
//
// The free blocks below a pageblock's size are one bit each in a tree that is laid out like a heap: bit
// 1 stands for the whole, bits 2 and 3 for its halves, down to bits 512 to 1023 for the single frames.
// A block's buddy is `bit ^ 1`, what both merge to is `bit >> 1`: a free that merges four times stays in
// two cache lines, and no descriptor is touched (the bitmaps of LLFree, Wrenger et al., USENIX ATC 2023,
// have the same density). A free block of whole pageblocks is noted in the first of them (`whole`).
//
// All zeroes is a movable pageblock without free frames.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "mmu/phys/migratetype.hpp"
#include "mmu/phys/order.hpp"

namespace pagoda::phys {

struct alignas(64) PageBlock {
  std::array<std::uint64_t, 16> tree{};
  std::array<std::uint16_t, kPageblockOrder> counts{}; // free blocks of each order below a pageblock's
  std::uint8_t whole{0};                               // 1 + order of the free block that begins here, from 9 on
  bool reported{false};                                // told to the host as unused since it was last handed out
  std::uint8_t type_before{0};                         // of isolation
  std::atomic<std::uint8_t> raw_type{0};               // migratetype, as a difference to Movable
  std::atomic<std::uint32_t> cover{0}; // 1 + number of the first pageblock of the handed-out block over this one

  // Read without the zone's lock by a free that looks for its list.
  [[nodiscard]] Migratetype type() const {
    return Migratetype(raw_type.load(std::memory_order_relaxed) ^ unsigned(Migratetype::Movable));
  }
  void set_type(Migratetype type) {
    raw_type.store(std::uint8_t(unsigned(type) ^ unsigned(Migratetype::Movable)), std::memory_order_relaxed);
  }

  // The tree's bit of the block of that order that holds frame `offset`.
  [[nodiscard]] static constexpr unsigned bit_of(unsigned offset, Order order) {
    return (unsigned(kPageblockFrames) + offset) >> order;
  }
  [[nodiscard]] static constexpr unsigned offset_of(unsigned bit, Order order) {
    return (bit << order) - unsigned(kPageblockFrames);
  }
  [[nodiscard]] bool test(unsigned bit) const { return (tree[bit >> 6] >> (bit & 63) & 1) != 0; }
  void set(unsigned bit) { tree[bit >> 6] |= 1ull << (bit & 63); }
  void clear(unsigned bit) { tree[bit >> 6] &= ~(1ull << (bit & 63)); }
  // The lowest free block of an order below a pageblock's that has one.
  [[nodiscard]] unsigned lowest(Order order) const {
    const unsigned begin = unsigned(kPageblockFrames) >> order; // as many bits as its number
    if (begin < 64) return unsigned(std::countr_zero(tree[0] & ~0ull << begin));
    unsigned word = begin >> 6;
    while (tree[word] == 0) ++word;
    return word << 6 | unsigned(std::countr_zero(tree[word]));
  }
  // In free blocks below a pageblock's size.
  [[nodiscard]] unsigned free_frames() const {
    unsigned sum = 0;
    for (unsigned order = 0; order < kPageblockOrder; ++order) sum += unsigned(counts[order]) << order;
    return sum;
  }
};
static_assert(sizeof(PageBlock) == 192);

} // namespace pagoda::phys
