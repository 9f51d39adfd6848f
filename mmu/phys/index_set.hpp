// A set of small numbers that finds its lowest member in a few loads, however large its range: a bitmap
// with bitmaps above it, each bit of which says that the word below is not zero.
//
// Four levels of 64 reach 2^24 members. The words are the caller's, all zero at first; an empty part of
// the range is never touched.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagoda::phys {

class IndexSet {
public:
  static constexpr std::uint32_t kNone = ~0u;
  static constexpr unsigned kLevels = 4;

  // Words needed for the numbers below `size`.
  [[nodiscard]] static constexpr std::size_t words(std::size_t size) {
    std::size_t sum = 0;
    do {
      size = (size + 63) / 64;
      sum += size;
    } while (size > 1);
    return sum;
  }

  IndexSet() = default;
  IndexSet(std::uint64_t *words, std::size_t size) {
    do {
      size = (size + 63) / 64;
      levels_[height_++] = words;
      words += size;
    } while (size > 1 && height_ < kLevels);
  }

  [[nodiscard]] bool empty() const { return *levels_[height_ - 1] == 0; }
  [[nodiscard]] bool contains(std::uint32_t index) const { return (levels_[0][index >> 6] >> (index & 63) & 1) != 0; }
  void insert(std::uint32_t index) {
    for (unsigned level = 0; level < height_; ++level, index >>= 6) {
      std::uint64_t &word = levels_[level][index >> 6];
      const bool was_empty = word == 0;
      word |= 1ull << (index & 63);
      if (!was_empty) return;
    }
  }
  void erase(std::uint32_t index) {
    for (unsigned level = 0; level < height_; ++level, index >>= 6) {
      std::uint64_t &word = levels_[level][index >> 6];
      word &= ~(1ull << (index & 63));
      if (word != 0) return;
    }
  }
  // The lowest member, or kNone.
  [[nodiscard]] std::uint32_t first() const {
    if (empty()) return kNone;
    std::uint32_t index = 0;
    for (unsigned level = height_; level-- > 0;)
      index = index << 6 | std::uint32_t(std::countr_zero(levels_[level][index]));
    return index;
  }
  // The lowest member that is not below `from`, or kNone.
  [[nodiscard]] std::uint32_t next(std::uint32_t from, std::size_t size) const {
    for (std::size_t word = from >> 6; word < (size + 63) / 64; ++word) {
      std::uint64_t bits = levels_[0][word];
      if (word == from >> 6) bits &= ~0ull << (from & 63);
      if (bits != 0) return std::uint32_t(word << 6) + std::uint32_t(std::countr_zero(bits));
    }
    return kNone;
  }

private:
  std::array<std::uint64_t *, kLevels> levels_{};
  unsigned height_ = 0;
};

} // namespace pagoda::phys
