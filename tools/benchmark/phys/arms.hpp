// The arms of the benchmark. Each registers itself with Google Benchmark under the name
// "CASE/ALLOCATOR" and reports counters in nanoseconds: `pair_ns`, and where the phases are apart
// `alloc_ns` and `free_ns`; with several threads the mean of what each thread measured for itself.
#pragma once

#include <cstdint>

namespace pagoda::bench {

void register_frame_arms();
void register_slab_arms();

// `count` pairs of allocation and free of `bytes` bytes from the manager's slab and nothing else, for a
// tool that counts instructions; the exit code.
int run_slab_pairs(std::uint64_t bytes, std::uint64_t count);

// The seeded trace of page operations on the manager's frames and on the plain buddy: prints the
// unusable-free index at order 9 of both at every sample; the exit code.
int run_fragmentation(std::uint64_t operations, std::uint64_t seed);

} // namespace pagoda::bench
