#include "mmu/phys/kmalloc.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/mempool.hpp"
#include "tests/support/kernel_memory.hpp"

namespace pagoda::phys {
namespace {

using test::KernelMemory;

class KmallocTest : public testing::TestWithParam<SlabPolicy> {
protected:
  KernelMemory memory_{64ull << 20, {.policy = GetParam(), .checks = CacheFlags::None}};
  Kmalloc kmalloc_{memory_.registry};

  void expect_nothing_left() {
    EXPECT_TRUE(memory_.reports.empty()) << to_string(memory_.reports[0]);
    EXPECT_EQ(memory_.registry.invariant(), "");
    memory_.registry.shrink();
    EXPECT_EQ(memory_.arena->in_use(), 0u);
  }
};

TEST_P(KmallocTest, GivesWhatWasAskedForAtEverySize) {
  for (std::size_t bytes = 1; bytes <= 20000; bytes += bytes < 600 ? 1 : 611) {
    auto *block = static_cast<std::byte *>(kmalloc_.allocate(bytes));
    ASSERT_NE(block, nullptr) << bytes;
    EXPECT_GE(kmalloc_.size_of(block), bytes);
    if (GetParam() != SlabPolicy::Slob && bytes > 192 && bytes <= 8192) {
      EXPECT_LT(kmalloc_.size_of(block), 2 * bytes);
    }
    std::memset(block, 0xa7, kmalloc_.size_of(block));
    kmalloc_.free(block);
  }
  expect_nothing_left();
}

TEST_P(KmallocTest, HasAnUpperLimit) {
  EXPECT_EQ(kmalloc_.allocate(0), nullptr);
  EXPECT_EQ(kmalloc_.allocate(Kmalloc::kMax + 1), nullptr);
  EXPECT_EQ(kmalloc_.allocate(~std::size_t{0}), nullptr);
  EXPECT_EQ(kmalloc_.allocate_array(1ull << 40, 1ull << 40), nullptr) << "the product overflows";
  void *largest = kmalloc_.allocate(Kmalloc::kMax);
  ASSERT_NE(largest, nullptr);
  EXPECT_EQ(kmalloc_.size_of(largest), Kmalloc::kMax);
  EXPECT_EQ(kmalloc_.large_frames(), Kmalloc::kMax >> kPageShift);
  kmalloc_.free(largest);
  EXPECT_EQ(kmalloc_.large_frames(), 0u);
  expect_nothing_left();
}

TEST_P(KmallocTest, ReallocatesWithItsContent) {
  std::mt19937 random(1);
  std::vector<unsigned char> model;
  unsigned char *block = nullptr;
  for (int step = 0; step < 300; ++step) {
    const std::size_t bytes = 1 + random() % (step % 10 == 0 ? 30000 : 700);
    block = static_cast<unsigned char *>(kmalloc_.reallocate(block, bytes));
    ASSERT_NE(block, nullptr);
    model.resize(std::min(model.size(), bytes));
    ASSERT_TRUE(std::equal(model.begin(), model.end(), block)) << "step " << step;
    model.resize(bytes);
    for (unsigned char &each : model) each = static_cast<unsigned char>(random());
    std::copy(model.begin(), model.end(), block);
  }
  EXPECT_EQ(kmalloc_.reallocate(block, 0), nullptr);
  expect_nothing_left();
}

TEST_P(KmallocTest, KeepsTheBlockWhenItCannotGrow) {
  auto *block = static_cast<unsigned char *>(kmalloc_.allocate(100));
  std::memset(block, 9, 100);
  failpoint::frame_allocation.fail_at(1);
  EXPECT_EQ(kmalloc_.reallocate(block, 100000), nullptr);
  failpoint::frame_allocation.fail_at(0);
  EXPECT_TRUE(std::all_of(block, block + 100, [](unsigned char each) { return each == 9; }));
  kmalloc_.free(block);
  expect_nothing_left();
}

TEST_P(KmallocTest, ZeroesOnRequest) {
  for (const std::size_t bytes : {10, 3000, 50000})
    for (int round = 0; round < 2; ++round) {
      auto *block = static_cast<unsigned char *>(kmalloc_.allocate_zeroed(bytes));
      EXPECT_TRUE(std::all_of(block, block + bytes, [](unsigned char each) { return each == 0; }));
      std::memset(block, 0xff, bytes);
      kmalloc_.free(block);
    }
  expect_nothing_left();
}

TEST_P(KmallocTest, RefusesWhatIsNoBlock) {
  int local = 0;
  kmalloc_.free(&local);
  auto *large = static_cast<std::byte *>(kmalloc_.allocate(100000));
  kmalloc_.free(large + 8);
  kmalloc_.free(large + kPageSize);
  kmalloc_.free(large);
  kmalloc_.free(large);
  EXPECT_EQ(memory_.registry.wild_frees(), 4u);
  EXPECT_EQ(kmalloc_.size_of(&local), 0u);
  EXPECT_EQ(memory_.arena->in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Policies, KmallocTest, testing::Values(SlabPolicy::Slub, SlabPolicy::Slab, SlabPolicy::Slob));

TEST(Kmalloc, ChoosesTheSmallestClass) {
  for (std::size_t bytes = 1; bytes <= 8192; ++bytes) {
    const std::size_t index = Kmalloc::class_of(bytes);
    ASSERT_LT(index, Kmalloc::kClasses.size());
    ASSERT_GE(Kmalloc::kClasses[index], bytes);
    ASSERT_TRUE(index == 0 || Kmalloc::kClasses[index - 1] < bytes) << bytes;
  }
}

TEST(Kmalloc, CountsReclaimableMemoryApart) {
  KernelMemory memory(4ull << 20);
  Kmalloc kmalloc(memory.registry);
  void *plain = kmalloc.allocate(100);
  void *reclaimable = kmalloc.allocate(100, Gfp::Kernel | Gfp::Reclaimable);
  EXPECT_GT(memory.registry.totals().unreclaimable, 0u);
  EXPECT_GT(memory.registry.totals().reclaimable, 0u);
  const std::vector<CacheFigures> figures = memory.registry.figures();
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0].name, "kmalloc-128");
  EXPECT_EQ(figures[1].name, "kmalloc-rcl-128");
  kmalloc.free(plain);
  kmalloc.free(reclaimable);
}

TEST(MemPool, HasItsReserveWhenMemoryIsOut) {
  KernelMemory memory(4ull << 20);
  Kmalloc kmalloc(memory.registry);
  auto pool = MemPool::create(8, kmalloc, 4096).value();
  Cache &hog = memory.cache({.name = "hog", .size = 4096, .flags = CacheFlags::NoMerge});
  std::vector<void *> hogged;
  while (void *object = hog.allocate()) hogged.push_back(object);

  std::vector<void *> elements;
  while (void *element = pool->allocate()) elements.push_back(element);
  EXPECT_GE(elements.size(), 8u);
  EXPECT_EQ(pool->reserved(), 0u);
  for (void *element : elements) std::memset(element, 1, 4096);
  EXPECT_EQ(pool->resize(20).error(), Error::OutOfMemory);
  EXPECT_EQ(pool->size(), 8u);
  for (void *object : hogged) hog.free(object);
  for (void *element : elements) pool->free(element);
  EXPECT_EQ(pool->reserved(), 8u) << "frees fill the reserve first";
  EXPECT_TRUE(pool->resize(2));
  EXPECT_EQ(pool->reserved(), 2u);
  pool.reset();
  memory.registry.shrink();
  EXPECT_EQ(memory.arena->in_use(), 0u);
}

TEST(MemPool, WaitsForAnElementWhereItMay) {
  KernelMemory memory(4ull << 20);
  Cache &cache = memory.cache({.name = "elements", .size = 4096, .flags = CacheFlags::NoMerge});
  auto pool = MemPool::create(1, cache).value();
  std::vector<void *> all;
  while (void *element = pool->allocate()) all.push_back(element);
  void *waited = nullptr;
  std::thread waiter([&] { waited = pool->allocate(Gfp::Kernel | Gfp::NoFail); });
  pool->free(all.back());
  all.pop_back();
  waiter.join();
  ASSERT_NE(waited, nullptr);
  pool->free(waited);
  for (void *each : all) pool->free(each);
  EXPECT_EQ(MemPool::create(0, cache).error(), Error::Invalid);
}

} // namespace
} // namespace pagoda::phys
