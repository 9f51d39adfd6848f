#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "tools/benchmark/phys/arms.hpp"
#include "tools/benchmark/phys/frame_allocators.hpp"
#include "tools/measure/phase_times.hpp"
#include "tools/measure/random.hpp"

namespace pagoda::bench {
namespace {

enum class Freed { InOrder, AtRandom };

constexpr std::size_t kInBulk = 1u << 14; // frames that a thread holds at most: 64 MiB
constexpr std::size_t kHuge = 64;         // blocks of order 9 likewise
constexpr std::size_t kPairs = 4096;      // of a phase
constexpr int kPhases = 24, kPairPhases = 100;
constexpr unsigned kHugeOrder = 9;

// One of them a repetition, made anew by the first thread: no arm inherits another's free lists.
template <class Allocator> std::unique_ptr<Allocator> &shared() {
  static std::unique_ptr<Allocator> allocator;
  return allocator;
}

benchmark::Counter nanoseconds(measure::PhaseTimes &times) { return {times.median(), benchmark::Counter::kAvgThreads}; }

std::vector<std::uint32_t> free_order(std::size_t count, Freed freed, int thread) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  measure::Random random(std::uint64_t(thread) + 1);
  if (freed == Freed::AtRandom)
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(std::uint32_t(i))]);
  return order;
}

// Allocates many, frees them all. The first round settles and is not counted.
template <class Allocator> void many(benchmark::State &state, std::size_t count, unsigned order, Freed freed) {
  Allocator &allocator = *shared<Allocator>();
  std::vector<typename Allocator::Handle> held(count);
  const auto frees = free_order(count, freed, state.thread_index());
  measure::PhaseTimes allocating, freeing, unrecorded;
  bool settled = false;
  for (auto _ : state) {
    (settled ? allocating : unrecorded).begin();
    for (auto &handle : held) handle = allocator.allocate(order);
    (settled ? allocating : unrecorded).end(double(count));
    if (!std::ranges::all_of(held, Allocator::valid)) return state.SkipWithError("out of memory");
    (settled ? freeing : unrecorded).begin();
    for (const std::uint32_t i : frees) allocator.free(held[i], order);
    (settled ? freeing : unrecorded).end(double(count));
    settled = true;
  }
  state.counters["alloc_ns"] = nanoseconds(allocating);
  state.counters["free_ns"] = nanoseconds(freeing);
  state.counters["pair_ns"] = {allocating.median() + freeing.median(), benchmark::Counter::kAvgThreads};
}

template <class Allocator> void hot_pair(benchmark::State &state) {
  Allocator &allocator = *shared<Allocator>();
  measure::PhaseTimes times;
  for (auto _ : state) {
    times.begin();
    for (std::size_t i = 0; i < kPairs; ++i) {
      auto handle = allocator.allocate(0);
      benchmark::DoNotOptimize(handle);
      allocator.free(handle, 0);
    }
    times.end(double(kPairs));
  }
  state.counters["pair_ns"] = nanoseconds(times);
}

template <class Allocator> benchmark::internal::Benchmark *arm(const std::string &name, auto body, int phases) {
  return benchmark::RegisterBenchmark((name + "/" + Allocator::kName).c_str(), body)
      ->Setup([](const benchmark::State &) { shared<Allocator>() = std::make_unique<Allocator>(); })
      ->Teardown([](const benchmark::State &) { shared<Allocator>().reset(); })
      ->Iterations(phases)
      ->UseRealTime();
}

template <class Allocator> void register_for() {
  using benchmark::State;
  const auto bulk = [](State &state) { many<Allocator>(state, kInBulk, 0, Freed::InOrder); };
  const auto random = [](State &state) { many<Allocator>(state, kInBulk, 0, Freed::AtRandom); };
  arm<Allocator>("frames in bulk", bulk, kPhases)->Threads(1)->Threads(2);
  arm<Allocator>("frames at random", random, kPhases)->Threads(1)->Threads(2);
  arm<Allocator>("frames hot pair", hot_pair<Allocator>, kPairPhases)->Threads(1)->Threads(2);
}

template <class Allocator> void register_huge() {
  const auto body = [](benchmark::State &state) { many<Allocator>(state, kHuge, kHugeOrder, Freed::InOrder); };
  arm<Allocator>("huge frames", body, 200);
}

} // namespace

void register_frame_arms() {
  register_for<Ours>();
  register_for<OneLockBuddy>();
  register_for<Mimalloc>();
  register_huge<Ours>();
  register_huge<OneLockBuddy>();
}

} // namespace pagoda::bench
