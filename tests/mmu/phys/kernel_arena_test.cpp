#include "mmu/phys/kernel_arena.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/resource.h>

#include <gtest/gtest.h>

#include "mmu/base/failpoint.hpp"

namespace pagoda::phys {
namespace {

TEST(KernelArena, FindsTheDescriptorOfEveryAddress) {
  auto arena = KernelArena::create(64ull << 20).value();
  std::byte *block = arena->allocate(2, FrameKind::Kernel, Gfp::Kernel, 0).value();
  EXPECT_EQ(arena->offset(block) % (kPageSize << 2), 0u) << "aligned to its size";
  for (std::uint64_t offset = 0; offset < kPageSize << 2; offset += 512) {
    ASSERT_TRUE(arena->contains(block + offset));
    const KernelPage &page = arena->page(block + offset);
    EXPECT_EQ(arena->address(page), block + page_floor(offset));
    EXPECT_EQ(&arena->page(arena->number(page)), &page);
  }
  int local = 0;
  EXPECT_FALSE(arena->contains(&local));
  EXPECT_FALSE(arena->contains(nullptr));
  arena->free(block, 2);
}

TEST(KernelArena, ChargesWhatItHandsOut) {
  auto arena = KernelArena::create(64ull << 20).value();
  std::uint64_t charged = 0;
  arena->on_charge([&](std::uint64_t frames) {
    charged = frames;
    return frames <= 200;
  });
  std::byte *block = arena->allocate(3, FrameKind::Kernel, Gfp::Kernel, 0).value();
  EXPECT_EQ(charged, 8u);
  std::array<std::byte *, 100> frames{};
  EXPECT_EQ(arena->allocate_bulk(frames, Gfp::Kernel), 100u);
  EXPECT_EQ(charged, 108u);
  EXPECT_EQ(arena->allocate(7, FrameKind::Kernel, Gfp::Kernel, 0).error(), Error::OutOfMemory)
      << "refused by the guest";
  EXPECT_EQ(arena->in_use(), 108u);
  arena->free(block, 3);
  for (std::byte *frame : frames) arena->free(frame, 0);
  EXPECT_EQ(charged, 0u);
  EXPECT_EQ(arena->in_use(), 0u);
  failpoint::frame_allocation.fail_at(1);
  EXPECT_EQ(arena->allocate(0, FrameKind::Kernel, Gfp::Kernel, 0).error(), Error::OutOfMemory);
  failpoint::frame_allocation.fail_at(0);
  EXPECT_EQ(charged, 0u);
}

TEST(KernelArena, HasTheNodesOfTheMachine) {
  Topology machine = Topology::uma(64ull << 20, 2);
  machine.nodes = {{.bytes = 32ull << 20, .cpus = {0}, .distances = {}},
                   {.bytes = 32ull << 20, .cpus = {1}, .distances = {}}};
  auto arena = KernelArena::create(machine).value();
  ASSERT_EQ(arena->nodes(), 2u);
  for (const NodeId node : {NodeId{0}, NodeId{1}}) {
    std::byte *block = arena->allocate(0, FrameKind::Slab, Gfp::Kernel | Gfp::ThisNode, node).value();
    EXPECT_EQ(arena->node(arena->page(block)), node);
    arena->free(block, 0);
  }
  set_local_node(1);
  EXPECT_EQ(arena->local_node(), 1);
  set_local_node(7);
  EXPECT_EQ(arena->local_node(), 0) << "no such node";
  set_local_node(0);
}

TEST(KernelArena, ZeroesOnRequestAndDiscards) {
  auto arena = KernelArena::create(4ull << 20).value();
  const auto zero = [](std::byte each) { return each == std::byte{0}; };
  for (int round = 0; round < 3; ++round) {
    std::byte *block = arena->allocate(1, FrameKind::Kernel, Gfp::Kernel | Gfp::Zero, 0).value();
    EXPECT_TRUE(std::all_of(block, block + 2 * kPageSize, zero));
    std::memset(block, 0xff, 2 * kPageSize);
    arena->discard(block + kPageSize, kPageSize);
    EXPECT_TRUE(std::all_of(block + kPageSize, block + 2 * kPageSize, zero));
    EXPECT_EQ(block[kPageSize - 1], std::byte{0xff});
    arena->free(block, 1);
  }
}

TEST(KernelArena, SixtyFourGiBCostNothingAtFirst) {
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  auto arena = KernelArena::create(64ull << 30).value();
  std::byte *frame = arena->allocate(0, FrameKind::Kernel, Gfp::Kernel, 0).value();
  *frame = std::byte{1};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, 256) << "its descriptors alone are a million pages";
  arena->free(frame, 0);
  EXPECT_EQ(KernelArena::create(0).error(), Error::Invalid);
}

} // namespace
} // namespace pagoda::phys
