// What migratetypes are worth: the same page trace on the manager's frames and on the plain buddy, with
// the unusable-free index of both along the way (Gorman and Whitcroft, OLS 2006).
//
// Samples are as far apart in time as the trace counts it, by allocations: the moment in which a batch of
// jobs ends is short, however many frees that takes.
//
// Deterministic: the same options give the same figures. The manager's per-CPU lists are drained before
// each sample, as it drains them itself before it refuses a large request: what it still cannot use then
// is unusable. Samples are few, so the lists are full nearly all of the time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "mmu/phys/order.hpp"

namespace pagoda::measure {

struct ComparisonOptions {
  std::uint32_t frames = 1u << 16;
  std::uint64_t operations = 1'000'000;
  std::uint64_t seed = 1;
  std::uint32_t samples = 200;                    // of the second half; the first fills and ages the memory
  phys::Order order = 9;                          // a pageblock
  std::function<void(std::uint64_t)> on_progress; // operations done, at every sample; may be empty
};

struct IndexSample {
  std::uint64_t operations = 0; // done until then
  double occupancy = 0;         // of all frames
  double ours = 0, plain = 0;   // share of the free memory that an allocation of that order cannot use
};

struct Comparison {
  std::vector<IndexSample> samples;
  std::uint64_t failures_ours = 0, failures_plain = 0; // allocations refused
  double ours = 0, plain = 0;                          // means of the samples
};

[[nodiscard]] Comparison compare_fragmentation(const ComparisonOptions &options);

} // namespace pagoda::measure
