// Seeded numbers that are the same on every machine and compiler: xorshift64* (Vigna, "An experimental
// exploration of Marsaglia's xorshift generators, scrambled", 2016). The standard library's
// distributions are free to differ from one implementation to the next.
#pragma once

#include <cstdint>

namespace pagoda::measure {

class Random {
public:
  // Seeds that differ in one bit give unrelated sequences (splitmix64); no seed is the all-zero state.
  explicit Random(std::uint64_t seed) {
    seed += 0x9e3779b97f4a7c15;
    seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9;
    seed = (seed ^ (seed >> 27)) * 0x94d049bb133111eb;
    state_ = (seed ^ (seed >> 31)) | 1;
  }
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1d;
  }
  // Uniform in [0, bound); the bias of at most bound / 2^32 is of no matter here. bound < 2^32.
  std::uint32_t below(std::uint32_t bound) { return std::uint32_t(((next() >> 32) * bound) >> 32); }
  // True with probability parts / 1000.
  bool permille(std::uint32_t parts) { return below(1000) < parts; }
  // Between low and high, every power of two as likely as the next: sizes and lifetimes spread so.
  std::uint64_t log_uniform(std::uint64_t low, std::uint64_t high);

private:
  std::uint64_t state_;
};

inline std::uint64_t Random::log_uniform(std::uint64_t low, std::uint64_t high) {
  std::uint32_t doublings = 0;
  while (low << (doublings + 1) <= high && doublings < 40) ++doublings;
  const std::uint64_t begin = low << below(doublings + 1);
  const std::uint64_t end = begin * 2 > high ? high : begin * 2;
  return end <= begin ? begin : begin + next() % (end - begin);
}

} // namespace pagoda::measure
