// Many threads at once, with drains and isolation from outside; the build with ThreadSanitizer is what
// makes the most of it.
#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/base/failpoint.hpp"
#include "tests/support/limited_memory.hpp"

namespace pagoda::phys {
namespace {

using test::LimitedMemory;
constexpr std::uint64_t kMiB = 1ull << 20;

void work(PhysicalMemory &memory, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Gfn> mine;
  for (int step = 0; step < 3000; ++step) {
    const std::uint32_t draw = random();
    if (mine.size() < 300 && draw % 2 == 0) {
      const auto kind = draw / 2 % 4 == 0 ? FrameKind::Table : FrameKind::Anonymous;
      const auto order = Order(draw / 8 % 16 == 0 ? draw / 128 % 4 : 0);
      const auto block = memory.allocate({.gfp = usual_gfp(kind), .order = order, .kind = kind, .owner = seed});
      if (!block) continue;
      memory.host(*block)[0] = std::byte(seed);
      mine.push_back(*block);
    } else if (draw % 64 == 1) {
      std::array<Gfn, 40> frames;
      const std::size_t had = memory.allocate_bulk(frames, {.gfp = Gfp::HighUserMovable, .owner = seed});
      memory.put_all(std::span(frames).first(had));
    } else if (!mine.empty()) {
      std::swap(mine[draw / 4 % mine.size()], mine.back());
      ASSERT_EQ(memory.host(mine.back())[0], std::byte(seed)) << "somebody else has this block";
      memory.put(mine.back());
      mine.pop_back();
    }
  }
  memory.put_all(mine);
}

TEST(Threads, ShareZonesWhileOthersDrainAndLook) {
  LimitedMemory memory(16 * kMiB);
  std::atomic<bool> stop{false};
  std::thread visitor([&] {
    while (!stop.load()) {
      (void)memory->drain();
      (void)memory->figures();
      std::uint64_t seen = 0;
      memory->for_each_block([&](Gfn, const Frame &frame, std::uint64_t frames) {
        if (frame.owner != 0) seen += frames;
      });
      EXPECT_LE(seen, 4096u);
      const GfnRange range{Gfn(1024), Gfn(1536)};
      if (memory->isolate_range(range)) memory->unisolate_range(range);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(work, std::ref(*memory), seed);
  for (std::thread &thread : threads) thread.join();
  stop.store(true);
  visitor.join();
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->counters().refused_frees, 0u);
  EXPECT_EQ(memory->invariant(), "");
  (void)memory->drain();
  EXPECT_EQ(memory->counters().free_blocks[10], 3u) << "everything merged again";
}

TEST(Threads, WithoutPerCpuListsToo) {
  LimitedMemory memory(4 * kMiB);
  failpoint::descriptor_allocation.fail_with(1);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 1);
  memory->put(frame);
  failpoint::descriptor_allocation.disarm();
  EXPECT_EQ(memory->figures().zones[0].per_cpu.size(), 0u);
  EXPECT_EQ(memory->counters().allocations, 1u);
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(OutOfMemory, AtEveryStepLeavesEverythingIntact) {
  LimitedMemory memory(8 * kMiB);
  for (std::uint64_t n = 1; n < 100; ++n) {
    (void)memory->drain(); // each round begins alike
    std::vector<Gfn> held;
    failpoint::frame_allocation.fail_at(n);
    bool failed = false;
    const auto keep = [&](Result<Gfn> block) {
      failed = failed || !block;
      if (block) held.push_back(*block);
    };
    for (unsigned order = 0; order < 6; ++order) keep(memory->allocate(Order(order), FrameKind::Anonymous, 1));
    for (int i = 0; i < 8; ++i) keep(memory->allocate(0, FrameKind::Slab, 1, Zeroed::No));
    std::array<Gfn, 24> bulk;
    const std::size_t had = memory->allocate_bulk(bulk, FrameKind::File, 1, Zeroed::No);
    failed = failed || had < bulk.size();
    ASSERT_EQ(memory->invariant(), "") << n;
    const Result<> range = memory->allocate_range({Gfn(1536), Gfn(2048)}, FrameKind::Kernel, 1);
    failed = failed || !range;
    failpoint::frame_allocation.disarm();
    ASSERT_EQ(memory->invariant(), "") << n;
    if (range)
      for (std::uint64_t i = 0; i < 512; ++i) memory->put(Gfn(1536 + i));
    memory->put_all(held);
    memory->put_all(std::span(bulk).first(had));
    ASSERT_EQ(memory.in_use(), 0u) << n;
    ASSERT_EQ(memory->invariant(), "") << n;
    if (!failed) {
      EXPECT_EQ(n, 6u + 8 + 24 + 1 + 1) << "each allocation is a step";
      return;
    }
  }
  FAIL() << "never succeeded";
}

} // namespace
} // namespace pagoda::phys
