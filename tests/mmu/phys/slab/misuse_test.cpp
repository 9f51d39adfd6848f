// Double frees, wild frees, the wrong cache: refused and counted by every policy, named at once by a
// debug cache, which also finds writes where none belong.
#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/phys/kmalloc.hpp"
#include "tests/support/kernel_memory.hpp"
#include "tests/support/slab_kinds.hpp"

namespace pagoda::phys {
namespace {

using test::KernelMemory;

class MisuseTest : public testing::TestWithParam<test::SlabKind> {
protected:
  KernelMemory memory_{16ull << 20, GetParam().options};
  Cache &cache_ = memory_.cache({.name = "victim", .size = 64, .flags = CacheFlags::NoMerge});

  // The last report is of that kind, and the cache has counted `count` of them.
  void expect_refused(Misuse kind, std::uint64_t count = 1) {
    EXPECT_EQ(cache_.misuses(kind), count);
    ASSERT_FALSE(memory_.reports.empty());
    EXPECT_EQ(memory_.reports.back().kind, kind) << to_string(memory_.reports.back());
    EXPECT_EQ(memory_.reports.back().cache, "victim");
    EXPECT_EQ(cache_.invariant(), "");
  }
};

TEST_P(MisuseTest, DoubleFreeOfTheObjectFreedLast) {
  void *keeper = cache_.allocate(); // so that no page goes back
  void *object = cache_.allocate();
  std::memset(object, 1, 64);
  cache_.free(object);
  cache_.free(object);
  expect_refused(Misuse::DoubleFree);
  EXPECT_NE(cache_.allocate(), cache_.allocate()) << "the object was handed out twice";
  cache_.free(keeper);
}

TEST_P(MisuseTest, DoubleFreeOfAnyFreedObject) {
  std::vector<void *> objects(1000);
  for (void *&object : objects) object = cache_.allocate();
  std::vector<void *> kept;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (i % 50 == 0) kept.push_back(objects[i]); // so that no page goes back
    if (i % 50 != 0) cache_.free(objects[i]);
  }
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < objects.size(); i += 50) {
    cache_.free(objects[i + 7]);
    expect_refused(Misuse::DoubleFree, ++count);
  }
  for (void *object : kept) cache_.free(object);
  EXPECT_EQ(cache_.figures().active_objects, 0u);
}

TEST_P(MisuseTest, DoubleFreeByAnotherThread) {
  void *keeper = cache_.allocate();
  void *object = cache_.allocate();
  std::memset(object, 1, 64);
  std::thread([&] {
    cache_.free(object);
    cache_.free(object);
  }).join();
  expect_refused(Misuse::DoubleFree);
  cache_.free(object);
  expect_refused(Misuse::DoubleFree, 2);
  cache_.free(keeper);
}

TEST_P(MisuseTest, WildFree) {
  auto *object = static_cast<std::byte *>(cache_.allocate());
  std::memset(object, 1, 64);
  int local = 0;
  std::uint64_t count = 0;
  for (void *wild : {static_cast<void *>(object + 4), static_cast<void *>(object + 1), static_cast<void *>(&local),
                     reinterpret_cast<void *>(8), reinterpret_cast<void *>(~0ull)}) {
    cache_.free(wild);
    expect_refused(Misuse::WildFree, ++count);
  }
  // A page of the arena that is in no cache.
  std::byte *page = memory_.arena->allocate(0, FrameKind::Kernel, Gfp::Kernel, 0).value();
  cache_.free(page);
  expect_refused(Misuse::WildFree, ++count);
  memory_.arena->free(page, 0);
  cache_.free(nullptr);
  EXPECT_EQ(cache_.misuses(Misuse::WildFree), count) << "null is nothing";
  cache_.free(object);
  EXPECT_EQ(cache_.figures().active_objects, 0u);
}

INSTANTIATE_TEST_SUITE_P(Policies, MisuseTest, testing::ValuesIn(test::kSlabKinds), test::slab_kind_name);

// SLOB's pages are shared by all caches: it cannot tell.
class WrongCacheTest : public MisuseTest {};

TEST_P(WrongCacheTest, IsNamed) {
  Cache &other = memory_.cache({.name = "other", .size = 64, .flags = CacheFlags::NoMerge});
  void *object = other.allocate();
  void *mine = cache_.allocate();
  cache_.free(object);
  expect_refused(Misuse::WrongCache);
  other.free(object);
  cache_.free(mine);
  EXPECT_EQ(other.figures().active_objects, 0u);
}

TEST_P(WrongCacheTest, AnObjectInsideIsNone) {
  auto *object = static_cast<std::byte *>(cache_.allocate());
  std::memset(object, 1, 64);
  cache_.free(object + 8);
  expect_refused(Misuse::WildFree);
  cache_.free(object);
}

INSTANTIATE_TEST_SUITE_P(Policies, WrongCacheTest, testing::Values(test::kSlub, test::kSlab, test::kChecked),
                         test::slab_kind_name);

class DebugCacheTest : public testing::Test {
protected:
  KernelMemory memory_{16ull << 20, {.checks = CacheFlags::AllChecks}};
  Cache &cache_ = memory_.cache({.name = "victim", .size = 50});

  void expect_report(Misuse kind, std::size_t count = 1) {
    ASSERT_EQ(memory_.reports.size(), count);
    EXPECT_EQ(memory_.reports.back().kind, kind) << to_string(memory_.reports.back());
    EXPECT_EQ(cache_.invariant(), "");
  }
};

TEST_F(DebugCacheTest, FindsAnOverrunByOneByte) {
  auto *object = static_cast<std::byte *>(cache_.allocate());
  object[50] = std::byte{1};
  cache_.free(object);
  expect_report(Misuse::Overrun);
  EXPECT_NE(memory_.reports[0].detail.find("byte 50 of the object is 01, not cc"), std::string::npos)
      << memory_.reports[0].detail;
  object = static_cast<std::byte *>(cache_.allocate());
  object[-1] = std::byte{1};
  cache_.free(object);
  expect_report(Misuse::Overrun, 2);
}

TEST_F(DebugCacheTest, FindsAWriteToAFreeObjectBeforeItIsHandedOut) {
  auto *object = static_cast<std::byte *>(cache_.allocate());
  cache_.free(object);
  object[20] = std::byte{7};
  std::vector<void *> objects;
  for (int i = 0; i < 100; ++i) {
    objects.push_back(cache_.allocate());
    EXPECT_NE(objects.back(), object) << "a damaged object must not be used";
  }
  expect_report(Misuse::UseAfterFree);
  for (void *each : objects) cache_.free(each);
}

TEST_F(DebugCacheTest, NamesWhoHadTheObject) {
  void *object = cache_.allocate();
  cache_.free(object);
  cache_.free(object);
  expect_report(Misuse::DoubleFree);
  EXPECT_NE(memory_.reports[0].detail.find("allocated by 0x"), std::string::npos);
  EXPECT_NE(memory_.reports[0].detail.find("freed by 0x"), std::string::npos);
}

TEST_F(DebugCacheTest, ListsWhatLeaked) {
  void *kept = cache_.allocate();
  void *freed = cache_.allocate();
  cache_.free(freed);
  const std::vector<std::string> leaks = memory_.registry.leaks();
  ASSERT_EQ(leaks.size(), 1u);
  EXPECT_TRUE(leaks[0].starts_with("victim: object 0x")) << leaks[0];
  EXPECT_NE(leaks[0].find("of 50 bytes, allocated by 0x"), std::string::npos) << leaks[0];
  ASSERT_FALSE(memory_.registry.destroy(&cache_));
  cache_.free(kept);
  EXPECT_TRUE(memory_.registry.leaks().empty());
  EXPECT_TRUE(memory_.registry.destroy(&cache_));
}

TEST(DebugCacheDeathTest, StopsTheProcessWhereNobodyListens) {
  auto arena = KernelArena::create(4ull << 20).value();
  SlabRegistry registry(*arena, {.checks = CacheFlags::AllChecks});
  Cache *cache = registry.create({.name = "victim", .size = 64}).value();
  void *object = cache->allocate();
  cache->free(object);
  EXPECT_DEATH(cache->free(object), "victim: double free at 0x");
}

TEST(ReleaseCache, GoesOnWhereNobodyListens) {
  auto arena = KernelArena::create(4ull << 20).value();
  SlabRegistry registry(*arena, {.checks = CacheFlags::None});
  Cache *cache = registry.create({.name = "victim", .size = 64}).value();
  void *object = cache->allocate();
  cache->free(object);
  cache->free(object);
  EXPECT_EQ(cache->misuses(Misuse::DoubleFree), 1u);
  EXPECT_EQ(cache->figures().misuses, 1u);
}

} // namespace
} // namespace pagoda::phys
