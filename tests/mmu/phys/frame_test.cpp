#include "mmu/phys/frame.hpp"

#include <array>

#include <gtest/gtest.h>

#include "tests/support/limited_memory.hpp"

namespace pagoda::phys {
namespace {

using test::LimitedMemory;
constexpr std::uint64_t kMiB = 1ull << 20;

TEST(FrameFlags, OnlyLegalTransitions) {
  LimitedMemory memory(4 * kMiB);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 1);
  EXPECT_FALSE(memory->set_flag(frame, FrameFlag::Active)) << "not on a queue";
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::Lru));
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::Active));
  EXPECT_FALSE(memory->set_flag(frame, FrameFlag::Unevictable));
  EXPECT_FALSE(memory->clear_flag(frame, FrameFlag::Lru)) << "Active would stay behind";
  EXPECT_FALSE(memory->set_flag(frame, FrameFlag::Dirty)) << "nothing to write";
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::Uptodate));
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::Dirty));
  EXPECT_FALSE(memory->set_flag(frame, FrameFlag::Writeback)) << "Dirty goes first";
  EXPECT_FALSE(memory->clear_flag(frame, FrameFlag::Uptodate));
  EXPECT_TRUE(memory->clear_flag(frame, FrameFlag::Dirty));
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::Writeback));
  EXPECT_TRUE(memory->set_flag(frame, FrameFlag::SwapCache));
  EXPECT_FALSE(memory->clear_flag(frame, FrameFlag::Locked));
  const Gfn table = *memory->allocate(0, FrameKind::Table, 1);
  EXPECT_FALSE(memory->set_flag(table, FrameFlag::Lru)) << "page tables are on no queue";
  EXPECT_TRUE(memory->set_flag(table, FrameFlag::Locked));
  EXPECT_FALSE(memory->set_flag(Gfn(0), FrameFlag::Locked)) << "reserved";
  EXPECT_FALSE(memory->set_flag(Gfn(~0ull), FrameFlag::Locked));
}

TEST(FrameFlags, AHeldFrameIsKeptOutOfUse) {
  LimitedMemory memory(4 * kMiB);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 1);
  ASSERT_TRUE(memory->set_flag(frame, FrameFlag::Locked));
  memory->put(frame);
  EXPECT_EQ(memory->last_bad_free().what, BadFree::Held);
  EXPECT_EQ(memory.in_use(), 1u);
  EXPECT_EQ(memory->invariant(), "");
  const Gfn other = *memory->allocate(0, FrameKind::File, 1);
  ASSERT_TRUE(memory->set_flag(other, FrameFlag::Uptodate));
  memory->put(other);
  EXPECT_EQ(memory->frame(other).flags.load(), 0u) << "the rest goes with the page";
}

TEST(BadFrees, AreNamed) {
  LimitedMemory memory(8 * kMiB);
  const auto what = [&](Gfn frame, Order order) {
    memory->free(frame, order);
    EXPECT_EQ(memory->last_bad_free().frame, frame);
    return memory->last_bad_free().what;
  };
  const Gfn block = *memory->allocate(3, FrameKind::Slab, 1);
  EXPECT_EQ(what(block, 2), BadFree::WrongOrder);
  EXPECT_EQ(what(block + 1, 0), BadFree::Middle);
  EXPECT_EQ(what(Gfn(0), 0), BadFree::Wild);
  EXPECT_EQ(what(Gfn(1 << 30), 0), BadFree::Wild);
  memory->get(block);
  EXPECT_EQ(what(block, 3), BadFree::Shared);
  memory->put(block);
  memory->free(block, 3);
  EXPECT_EQ(what(block, 3), BadFree::Double);
  const Gfn huge = *memory->allocate(9, FrameKind::Anonymous, 1);
  EXPECT_EQ(what(huge + 7, 0), BadFree::Middle);
  memory->put(huge);
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->counters().refused_frees, 7u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(BadFreesDeathTest, EndTheProcessWhenDebugging) {
  LimitedMemory memory(kMiB);
  const Gfn frame = *memory->allocate(0, FrameKind::Anonymous, 1);
  memory->put(frame);
  memory->abort_on_bad_free(true);
  EXPECT_DEATH(memory->put(frame), "double free: frame");
}

TEST(Frames, TheHeadSpeaksForItsBlock) {
  LimitedMemory memory(16 * kMiB);
  for (Order order : {Order(3), Order(9), Order(10)}) {
    const Gfn block = *memory->allocate(order, FrameKind::Anonymous, 77);
    const Gfn last = block + (frames_in(order) - 1);
    EXPECT_EQ(memory->frame(last).owner, 77u) << int(order);
    EXPECT_EQ(memory->frame(last).kind, FrameKind::Anonymous);
    EXPECT_EQ(memory->head_of(last), block);
    memory->get(block);
    memory->put(last);
    EXPECT_EQ(memory->frame(block).refs.load(), 2u) << "a tail has no references to drop";
    memory->put(block);
    memory->split(block);
    EXPECT_EQ(memory->head_of(last), last);
    EXPECT_EQ(memory->invariant(), "");
    for (std::uint64_t i = 0; i < frames_in(order); ++i) memory->put(block + i);
    EXPECT_EQ(memory.in_use(), 0u);
    EXPECT_EQ(memory->invariant(), "");
  }
}

TEST(Frames, OrdersUpToAGigabyte) {
  Topology topology = Topology::without_reserves(3ull << 30);
  topology.max_order = kLargestOrder;
  LimitedMemory memory(topology);
  const Gfn block = *memory->allocate({.gfp = Gfp::HighUserMovable, .order = kLargestOrder, .owner = 9});
  EXPECT_EQ(block.number() % frames_in(kLargestOrder), 0u);
  EXPECT_EQ(memory->frame(block + 200000).owner, 9u);
  EXPECT_EQ(memory->allocate({.order = kLargestOrder + 1}).error(), Error::Invalid);
  memory->free(block, kLargestOrder);
  EXPECT_EQ(memory.in_use(), 0u);
  ASSERT_TRUE(memory->allocate(0, FrameKind::Table, 1));
  EXPECT_EQ(memory->invariant(), "");
}

TEST(Frames, EveryOwnerIsKnown) {
  LimitedMemory memory(16 * kMiB);
  for (Owner owner = 1; owner <= 5; ++owner)
    for (Owner i = 0; i < owner; ++i) ASSERT_TRUE(memory->allocate(Order(owner), FrameKind::Anonymous, owner));
  std::array<std::uint64_t, 6> frames{};
  memory->for_each_block([&](Gfn, const Frame &frame, std::uint64_t count) { frames[frame.owner] += count; });
  for (Owner owner = 1; owner <= 5; ++owner) EXPECT_EQ(frames[owner], owner << owner);
}

} // namespace
} // namespace pagoda::phys
