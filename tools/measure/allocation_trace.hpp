// A recorded sequence of allocations and frees, and its file.
//
//   pagoda-allocations 1      the first line
//   # anything                a comment
//   a NUMBER BYTES            an allocation, under a number that none alive has
//   f NUMBER                  its end
//
// Numbers are decimal, at most 2^63 - 1, and may be used again after their end. A file is hostile until
// it was read whole: every line and number is bounded, and the error names the line.
#pragma once

#include <cstdint>
#include <expected>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace pagoda::measure {

inline constexpr std::uint64_t kMostOperations = 50'000'000;
inline constexpr std::uint64_t kLargestAllocation = 1ull << 47; // what a program can map
inline constexpr std::uint64_t kMostLiveBytes = 1ull << 60;
inline constexpr std::size_t kLongestTraceLine = 256;

struct AllocationOperation {
  std::uint32_t id = 0;    // dense: below AllocationTrace::ids
  std::uint64_t bytes = 0; // 0: the end of it
};

struct AllocationTrace {
  std::vector<AllocationOperation> operations;
  std::uint32_t ids = 0;
  std::uint64_t peak_bytes = 0; // most that is alive at once
};

[[nodiscard]] std::expected<AllocationTrace, std::string> read_trace(std::istream &in);
void write_trace(const AllocationTrace &trace, std::ostream &out);

// What a program asks malloc and a kernel asks its allocators for, mixed: most allocations are small and
// short-lived, a few are large or stay; some 32 MiB live at once. The same seed gives the same trace.
[[nodiscard]] AllocationTrace generate_trace(std::uint64_t seed, std::uint64_t operations);

} // namespace pagoda::measure
