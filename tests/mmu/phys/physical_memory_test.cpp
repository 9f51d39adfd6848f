#include "mmu/phys/physical_memory.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
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
constexpr std::uint64_t kGiB = 1ull << 30;

TEST(Layout, GoesAroundTheHole) {
  const Layout small(5 * kMiB + 1);
  EXPECT_EQ(small.end(), Gpa(5 * kMiB));
  EXPECT_TRUE(small.ranges[1].empty());
  const Layout exact(3 * kGiB);
  EXPECT_EQ(exact.end(), kHoleBegin);
  const Layout large(5 * kGiB);
  EXPECT_EQ(large.ranges[0], (GpaRange{Gpa(0), kHoleBegin}));
  EXPECT_EQ(large.ranges[1], (GpaRange{kHoleEnd, kHoleEnd + 2 * kGiB}));
  EXPECT_EQ(Layout(~0ull).end(), kHoleEnd + (kMaxMemory - 3 * kGiB));
}

TEST(PhysicalMemory, NeverHandsOutTheHoleOrFrameZero) {
  LimitedMemory memory(5 * kGiB);
  std::uint64_t had = 0;
  while (const Result<Gfn> block = memory->allocate(kMaxOrder, FrameKind::Anonymous, 1, Zeroed::No)) {
    EXPECT_TRUE(memory->is_ram(*block));
    EXPECT_TRUE(memory->is_ram(*block + 1023));
    EXPECT_NE(*block, Gfn(0));
    had += 1024;
  }
  EXPECT_EQ(had, (5 * kGiB >> kPageShift) - 1024) << "all but the block of frame 0";
  EXPECT_FALSE(memory->is_ram(Gfn::of(kHoleBegin)));
  EXPECT_FALSE(memory->is_ram(Gfn::of(kHoleEnd - 1)));
  EXPECT_EQ(memory->frame(Gfn::of(kHoleBegin)).kind, FrameKind::Reserved);
  EXPECT_EQ(memory->frame(Gfn(~0ull)).kind, FrameKind::Reserved);
  EXPECT_EQ(memory->frame(Gfn(0)).kind, FrameKind::Reserved);
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * kPageSize;
}

TEST(PhysicalMemory, SixtyFourGiBCostNothingAtFirst) {
  const std::uint64_t before = resident_bytes();
  LimitedMemory memory(64 * kGiB);
  const std::uint64_t after = resident_bytes();
  EXPECT_LT(after - before, 2u << 20);
  EXPECT_GT(memory->metadata_bytes(), kGiB) << "of which nothing is there yet";
  // A 64th of a MiB of descriptors for each MiB that is used.
  std::vector<Gfn> frames(16384);
  ASSERT_EQ(memory->allocate_bulk(frames, FrameKind::Anonymous, 1, Zeroed::No), frames.size());
  const std::uint64_t used = resident_bytes() - after;
  EXPECT_GE(used, frames.size() * sizeof(Frame) / 2);
  EXPECT_LT(used, 24 * kMiB) << "with what a sanitizer keeps of it"; // all descriptors would be 1 GiB
  EXPECT_EQ(memory->counters().free, (64 * kGiB >> kPageShift) - 1 - frames.size());
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysicalMemory, TooSmallForAFrameIsOutOfMemory) {
  LimitedMemory memory(1024);
  EXPECT_EQ(memory->allocate(0, FrameKind::Anonymous, 1).error(), Error::OutOfMemory);
  EXPECT_EQ(memory->counters().failures, 1u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysicalMemory, ReusedFramesAreZeroed) {
  LimitedMemory memory(2 * kPageSize);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 1);
  std::memset(memory->host(frame), 0xaa, kPageSize);
  memory->put(frame);
  const Gfn again = *memory->allocate(0, FrameKind::File, 2);
  ASSERT_EQ(again, frame);
  const std::byte *bytes = memory->host(again);
  EXPECT_TRUE(std::all_of(bytes, bytes + kPageSize, [](std::byte b) { return b == std::byte{0}; }));
  std::memset(memory->host(again), 0xaa, kPageSize);
  memory->put(again);
  ASSERT_EQ(*memory->allocate(0, FrameKind::File, 2, Zeroed::No), frame);
  EXPECT_EQ(memory->host(frame)[0], std::byte{0xaa});
}

TEST(PhysicalMemory, ReferencesKeepTheFrame) {
  LimitedMemory memory(4 * kMiB);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 7);
  EXPECT_EQ(memory->frame(frame).owner, 7u);
  memory->get(frame);
  EXPECT_TRUE(memory->try_get(frame));
  memory->put(frame);
  memory->put(frame);
  EXPECT_EQ(memory.in_use(), 1u);
  memory->put(frame);
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_FALSE(memory->try_get(frame)) << "gone";
  EXPECT_EQ(memory->frame(frame).kind, FrameKind::Free);
}

TEST(PhysicalMemory, RefusesDoubleAndWildFrees) {
  LimitedMemory memory(4 * kMiB);
  const Gfn block = *memory->allocate(3, FrameKind::Anonymous, 1);
  memory->put(block + 1);    // the middle
  memory->put(Gfn(0));       // reserved
  memory->put(Gfn(1 << 20)); // beyond the end
  memory->put(Gfn::of(kHoleBegin));
  EXPECT_EQ(memory->counters().refused_frees, 4u);
  EXPECT_EQ(memory.in_use(), 8u);
  memory->put(block);
  memory->put(block);
  EXPECT_EQ(memory->counters().refused_frees, 5u);
  EXPECT_EQ(memory->counters().frees, 8u);
  EXPECT_EQ(memory->counters().allocations, 8u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysicalMemoryDeathTest, AReferenceOnAFreeFrameEndsTheProcess) {
  LimitedMemory memory(kMiB);
  EXPECT_DEATH(memory->get(Gfn(5)), "nobody holds");
}

TEST(PhysicalMemory, RefusesWrongKindsAndOrders) {
  LimitedMemory memory(kMiB);
  EXPECT_EQ(memory->allocate(0, FrameKind::Free, 1).error(), Error::Invalid);
  EXPECT_EQ(memory->allocate(0, FrameKind::Reserved, 1).error(), Error::Invalid);
  EXPECT_EQ(memory->allocate(kMaxOrder + 1, FrameKind::File, 1).error(), Error::Invalid);
}

TEST(PhysicalMemory, BulkGivesRuns) {
  LimitedMemory memory(8 * kMiB);
  std::vector<Gfn> first(1000);
  ASSERT_EQ(memory->allocate_bulk(first, FrameKind::Anonymous, 1, Zeroed::No), 1000u);
  for (std::size_t length : {16u, 6u, 13u, 1u}) {
    std::vector<Gfn> frames(length);
    ASSERT_EQ(memory->allocate_bulk(frames, FrameKind::Anonymous, 1, Zeroed::Yes), length);
    for (unsigned i = 1; i < length; ++i) EXPECT_EQ(frames[i], frames[0] + i);
    EXPECT_EQ(memory->invariant(), "");
    EXPECT_EQ(memory.in_use(), 1000 + length) << "what a block has too much goes back";
    for (Gfn frame : frames) memory->put(frame); // each is a frame of its own
  }
  memory->put_all(first);
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysicalMemory, BulkTakesWhatThereIs) {
  LimitedMemory memory(kMiB); // 255 frames
  std::vector<Gfn> all(255);
  ASSERT_EQ(memory->allocate_bulk(all, FrameKind::Anonymous, 1, Zeroed::No), 255u);
  std::vector<Gfn> odd;
  for (Gfn frame : all)
    if (frame.number() % 2 == 1) odd.push_back(frame);
  memory->put_all(odd); // no two free frames side by side
  std::array<Gfn, 200> frames;
  EXPECT_EQ(memory->allocate_bulk(frames, FrameKind::File, 1, Zeroed::No), odd.size());
  EXPECT_EQ(memory->counters().failures, 1u);
  EXPECT_EQ(memory->counters().free, 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysicalMemory, FailpointsFailTheNthFrame) {
  LimitedMemory memory(kMiB);
  failpoint::frame_allocation.fail_at(2);
  EXPECT_TRUE(memory->allocate(0, FrameKind::Anonymous, 1));
  EXPECT_EQ(memory->allocate(0, FrameKind::Anonymous, 1).error(), Error::OutOfMemory);
  EXPECT_TRUE(memory->allocate(0, FrameKind::Anonymous, 1));
  std::array<Gfn, 8> frames;
  failpoint::frame_allocation.fail_at(4);
  EXPECT_EQ(memory->allocate_bulk(frames, FrameKind::Anonymous, 1, Zeroed::No), 3u);
  EXPECT_EQ(memory.in_use(), 5u);
}

TEST(PhysicalMemory, CountersAddUp) {
  LimitedMemory memory(8 * kMiB);
  const Gfn table = *memory->allocate(0, FrameKind::Table, 1);
  ASSERT_TRUE(memory->allocate(9, FrameKind::Anonymous, 1));
  const Counters now = memory->counters();
  EXPECT_EQ(now.managed, 2047u);
  EXPECT_EQ(now.by_kind[unsigned(FrameKind::Table)], 1u);
  EXPECT_EQ(now.by_kind[unsigned(FrameKind::Anonymous)], 512u);
  EXPECT_EQ(now.by_kind[unsigned(FrameKind::Reserved)], 1u);
  EXPECT_EQ(now.free, 2047u - 513u);
  std::uint64_t listed = 0;
  for (unsigned order = 0; order <= kMaxOrder; ++order) listed += now.free_blocks[order] << order;
  EXPECT_EQ(listed, now.free);
  memory->put(table);
  EXPECT_EQ(memory->counters().frees, 1u);
}

TEST(PhysicalMemory, ThreadsShareIt) {
  LimitedMemory memory(16 * kMiB);
  const Gfn shared = *memory->allocate(0, FrameKind::File, 1);
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Gfn> mine;
    for (int step = 0; step < 3000; ++step) {
      memory->get(shared);
      if (mine.size() < 100 && random() % 2 == 0) {
        std::array<Gfn, 8> frames;
        const std::size_t had = memory->allocate_bulk(frames, FrameKind::Anonymous, seed, Zeroed::Yes);
        for (Gfn frame : std::span(frames).first(had)) {
          ASSERT_EQ(memory->host(frame)[0], std::byte{0});
          memory->host(frame)[0] = std::byte(seed);
          mine.push_back(frame);
        }
      } else if (!mine.empty()) {
        ASSERT_EQ(memory->host(mine.back())[0], std::byte(seed)) << "somebody else has this frame";
        memory->put(mine.back());
        mine.pop_back();
      }
      memory->put(shared);
    }
    memory->put_all(mine);
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(memory.in_use(), 1u);
  EXPECT_EQ(memory->frame(shared).refs.load(), 1u);
  EXPECT_EQ(memory->counters().refused_frees, 0u);
  EXPECT_EQ(memory->invariant(), "");
}

} // namespace
} // namespace pagoda::phys
