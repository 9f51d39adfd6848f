#include "guest/linux/fs/lock_table.hpp"

#include <cerrno>
#include <gtest/gtest.h>
#include <poll.h>

namespace pagoda::kernel {
namespace {

using Lock = LockTable::Lock;
constexpr LockTable::Key kFile{1, 2, LockTable::World::Record};
constexpr LockTable::Key kOther{1, 3, LockTable::World::Record};
int a, b, c; // owners

Lock shared(const void *owner, std::uint64_t begin, std::uint64_t end) { return {owner, 1, false, begin, end}; }
Lock exclusive(const void *owner, std::uint64_t begin, std::uint64_t end) { return {owner, 1, true, begin, end}; }

TEST(LockTable, ReadersShareWritersExclude) {
  LockTable table;
  EXPECT_EQ(table.acquire(kFile, shared(&a, 0, 10)), 0);
  EXPECT_EQ(table.acquire(kFile, shared(&b, 5, 15)), 0);
  EXPECT_EQ(table.acquire(kFile, exclusive(&a, 0, 10)), EAGAIN);
  EXPECT_EQ(table.acquire(kFile, exclusive(&a, 0, 5)), 0);
  EXPECT_EQ(table.acquire(kOther, exclusive(&b, 0, 5)), 0);
  EXPECT_EQ(table.acquire({1, 2, LockTable::World::Whole}, exclusive(&b, 0, 5)), 0);
}

TEST(LockTable, UnlockingTheMiddleSplits) {
  LockTable table;
  ASSERT_EQ(table.acquire(kFile, exclusive(&a, 0, 100)), 0);
  table.release(kFile, exclusive(&a, 40, 60));
  EXPECT_EQ(table.acquire(kFile, exclusive(&b, 40, 60)), 0);
  auto held = table.conflict(kFile, exclusive(&b, 0, 200));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->end - held->begin, 40U);
  EXPECT_EQ(table.acquire(kFile, exclusive(&b, 39, 41)), EAGAIN);
  EXPECT_EQ(table.acquire(kFile, exclusive(&b, 60, 61)), EAGAIN);
}

TEST(LockTable, AdjacentLocksOfOneOwnerAreOne) {
  LockTable table;
  constexpr std::uint64_t kMany = LockTable::kMostLocks + 1000;
  for (std::uint64_t i = 0; i < kMany; ++i) ASSERT_EQ(table.acquire(kFile, exclusive(&a, i, i + 1)), 0);
  auto held = table.conflict(kFile, exclusive(&b, 0, 1));
  ASSERT_TRUE(held);
  EXPECT_EQ(held->begin, 0U);
  EXPECT_EQ(held->end, kMany);
}

TEST(LockTable, IsBounded) {
  LockTable table;
  int result = 0;
  std::uint64_t at = 0;
  for (; result == 0 && at < 4 * LockTable::kMostLocks; at += 1) {
    result = table.acquire({1, at, LockTable::World::Record}, exclusive(&a, 0, 1));
  }
  EXPECT_EQ(result, ENOLCK);
  table.release_owner(&a);
  EXPECT_EQ(table.acquire(kFile, exclusive(&b, 0, 1)), 0);
}

TEST(LockTable, WaitersAreToldAndDeadlocksSeen) {
  LockTable table;
  ASSERT_EQ(table.acquire(kFile, exclusive(&a, 0, 1)), 0);
  ASSERT_EQ(table.acquire(kOther, exclusive(&b, 0, 1)), 0);
  LockTable::Waiter waiter(table, kFile, exclusive(&b, 0, 1)); // b waits for a
  EXPECT_TRUE(table.would_deadlock(kOther, exclusive(&a, 0, 1)));
  EXPECT_FALSE(table.would_deadlock(kOther, exclusive(&c, 0, 1)));
  pollfd poll{waiter.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
  table.release_owner(&a);
  EXPECT_EQ(::poll(&poll, 1, 0), 1);
  waiter.rearm();
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
}

} // namespace
} // namespace pagoda::kernel
