#include <array>
#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "tools/benchmark/phys/arms.hpp"
#include "tools/benchmark/phys/slab_allocators.hpp"
#include "tools/measure/phase_times.hpp"
#include "tools/measure/random.hpp"

namespace pagoda::bench {
namespace {

constexpr std::array<std::size_t, 7> kSizes{16, 32, 64, 128, 256, 512, 1024};
constexpr std::size_t kPairs = 8192; // of a phase
constexpr std::size_t kBurst = 1024; // objects that are live at once
constexpr std::size_t kParcel = 256; // objects that one thread hands to the other
constexpr std::size_t kParcels = 16; // on their way at most
constexpr int kPhases = 100;

template <class Allocator> std::unique_ptr<Allocator> &shared() {
  static std::unique_ptr<Allocator> allocator;
  return allocator;
}

benchmark::Counter nanoseconds(double value) { return {value, benchmark::Counter::kAvgThreads}; }

template <class Allocator> void hot_pair(benchmark::State &state) {
  Allocator &allocator = *shared<Allocator>();
  allocator.free(allocator.allocate());
  measure::PhaseTimes times;
  for (auto _ : state) {
    times.begin();
    for (std::size_t i = 0; i < kPairs; ++i) {
      void *object = allocator.allocate();
      benchmark::DoNotOptimize(object);
      allocator.free(object);
    }
    times.end(double(kPairs));
  }
  state.counters["pair_ns"] = nanoseconds(times.median());
}

// Many live at once, freed in random order.
template <class Allocator> void burst(benchmark::State &state) {
  Allocator &allocator = *shared<Allocator>();
  std::vector<void *> held(kBurst);
  std::vector<std::uint32_t> order(kBurst);
  std::iota(order.begin(), order.end(), 0u);
  measure::Random random(7);
  for (std::uint32_t i = kBurst; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  measure::PhaseTimes times;
  for (auto _ : state) {
    times.begin();
    for (void *&object : held) object = allocator.allocate();
    for (const std::uint32_t i : order) allocator.free(held[i]);
    times.end(double(kBurst));
  }
  state.counters["pair_ns"] = nanoseconds(times.median());
}

enum class Handover {
  Belt,   // both threads work at once, up to kParcels are on their way
  InTurn, // each waits for the other: every free finds the objects in the other's cache
};

// Parcels of objects from the thread that allocates to the one that frees. Each times its own work on a
// parcel, not its waiting.
struct Belt {
  std::array<std::array<void *, kParcel>, kParcels> parcels{};
  alignas(64) std::atomic<std::uint64_t> sent{0};
  alignas(64) std::atomic<std::uint64_t> received{0};
};
std::unique_ptr<Belt> &belt() {
  static std::unique_ptr<Belt> shared_belt;
  return shared_belt;
}

template <class Allocator> void remote(benchmark::State &state, Handover handover) {
  const std::uint64_t ahead = handover == Handover::Belt ? kParcels : 1;
  Allocator &allocator = *shared<Allocator>();
  Belt &way = *belt();
  measure::PhaseTimes times;
  std::uint64_t turn = 0;
  for (auto _ : state) {
    auto &parcel = way.parcels[turn % kParcels];
    if (state.thread_index() == 0) {
      while (turn - way.received.load(std::memory_order_acquire) >= ahead) std::this_thread::yield();
      times.begin();
      for (void *&object : parcel) object = allocator.allocate();
      times.end(double(kParcel));
      way.sent.store(++turn, std::memory_order_release);
    } else {
      while (way.sent.load(std::memory_order_acquire) <= turn) std::this_thread::yield();
      times.begin();
      for (void *object : parcel) allocator.free(object);
      times.end(double(kParcel));
      way.received.store(++turn, std::memory_order_release);
    }
  }
  // The two sides together are the cost of a pair.
  state.counters["pair_ns"] = benchmark::Counter(times.median());
}

template <class Allocator> benchmark::internal::Benchmark *arm(std::size_t bytes, const std::string &what, auto body) {
  const std::string name = what + " " + std::to_string(bytes) + "/" + Allocator::kName;
  // Google Benchmark takes setup as a plain function: the size is an argument.
  return benchmark::RegisterBenchmark(name.c_str(), body)
      ->Arg(std::int64_t(bytes))
      ->Setup([](const benchmark::State &state) {
        shared<Allocator>() = std::make_unique<Allocator>(std::size_t(state.range(0)));
        belt() = std::make_unique<Belt>();
      })
      ->Teardown([](const benchmark::State &) { shared<Allocator>().reset(); })
      ->Iterations(kPhases)
      ->UseRealTime();
}

template <class Allocator> void register_for(std::size_t bytes) {
  arm<Allocator>(bytes, "slab pair", hot_pair<Allocator>)->Threads(1)->Threads(2);
  arm<Allocator>(bytes, "slab burst", burst<Allocator>);
  const auto belted = [](benchmark::State &state) { remote<Allocator>(state, Handover::Belt); };
  const auto in_turn = [](benchmark::State &state) { remote<Allocator>(state, Handover::InTurn); };
  arm<Allocator>(bytes, "slab remote free", belted)->Threads(2)->Iterations(2000);
  arm<Allocator>(bytes, "slab remote free in turn", in_turn)->Threads(2)->Iterations(500);
}

} // namespace

void register_slab_arms() {
  for (const std::size_t bytes : kSizes) {
    register_for<OurSlab>(bytes);
    register_for<MimallocObjects>(bytes);
  }
}

int run_slab_pairs(std::uint64_t bytes, std::uint64_t count) {
  OurSlab slab(bytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    void *object = slab.allocate();
    benchmark::DoNotOptimize(object);
    slab.free(object);
  }
  return 0;
}

} // namespace pagoda::bench
