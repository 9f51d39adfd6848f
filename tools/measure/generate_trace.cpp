#include <functional>
#include <queue>

#include "tools/measure/allocation_trace.hpp"
#include "tools/measure/random.hpp"

namespace pagoda::measure {
namespace {

constexpr std::uint64_t kLiveBytes = 32ull << 20; // above it the next to end ends early

std::uint64_t size(Random &random) {
  const std::uint32_t part = random.below(1000);
  if (part < 650) return random.log_uniform(8, 256);
  if (part < 900) return random.log_uniform(256, 4096);
  if (part < 990) return random.log_uniform(4096, 64 << 10);
  return random.log_uniform(64 << 10, 1 << 20);
}

// In allocations; small ones tend to live as long as large ones.
std::uint64_t life(Random &random) {
  return random.permille(850) ? random.log_uniform(1, 4096) : random.log_uniform(4096, 1 << 20);
}

struct End {
  std::uint64_t time = 0;
  std::uint32_t id = 0;
  std::uint64_t bytes = 0;
  bool operator>(const End &other) const { return time > other.time; }
};

} // namespace

AllocationTrace generate_trace(std::uint64_t seed, std::uint64_t operations) {
  AllocationTrace trace;
  trace.operations.reserve(operations);
  Random random(seed);
  std::priority_queue<End, std::vector<End>, std::greater<>> ends;
  std::vector<std::uint32_t> free_ids;
  std::uint64_t live = 0, now = 0;
  while (trace.operations.size() < operations) {
    if (!ends.empty() && (ends.top().time <= now || live > kLiveBytes)) {
      const End end = ends.top();
      ends.pop();
      trace.operations.push_back({end.id, 0});
      free_ids.push_back(end.id);
      live -= end.bytes;
      continue;
    }
    ++now;
    std::uint32_t id = trace.ids;
    if (free_ids.empty()) {
      ++trace.ids;
    } else {
      id = free_ids.back();
      free_ids.pop_back();
    }
    const std::uint64_t bytes = size(random);
    trace.operations.push_back({id, bytes});
    ends.push({now + life(random), id, bytes});
    live += bytes;
    trace.peak_bytes = std::max(trace.peak_bytes, live);
  }
  return trace;
}

} // namespace pagoda::measure
