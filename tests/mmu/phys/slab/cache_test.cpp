// What every policy, and a debug cache, must do.
#include "mmu/phys/slab/cache.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/base/failpoint.hpp"
#include "mmu/phys/slab/slab_site.hpp"
#include "tests/support/kernel_memory.hpp"
#include "tests/support/slab_kinds.hpp"

namespace pagoda::phys {
namespace {

using test::KernelMemory;

class CacheTest : public testing::TestWithParam<test::SlabKind> {
protected:
  KernelMemory memory_{16ull << 20, GetParam().options};

  void expect_sound(const Cache &cache) {
    EXPECT_EQ(cache.invariant(), "");
    EXPECT_TRUE(memory_.reports.empty()) << to_string(memory_.reports[0]);
  }
};

// Fills an object with a stamp of its own, and says whether it is still there.
class Stamped {
public:
  Stamped(void *object, std::size_t size, std::uint32_t stamp) : at_(static_cast<std::byte *>(object)), size_(size) {
    for (std::size_t i = 0; i < size; ++i) at_[i] = byte(stamp, i);
    stamp_ = stamp;
  }
  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < size_; ++i)
      if (at_[i] != byte(stamp_, i)) return false;
    return true;
  }
  [[nodiscard]] void *object() const { return at_; }

private:
  static std::byte byte(std::uint32_t stamp, std::size_t i) { return std::byte(stamp * 2654435761u >> 24 ^ stamp ^ i); }
  std::byte *at_;
  std::size_t size_;
  std::uint32_t stamp_ = 0;
};

TEST_P(CacheTest, RandomOperationsKeepEveryObjectApart) {
  for (const std::size_t size : {1, 8, 24, 100, 512, 1000, 4096, 9000}) {
    Cache &cache = memory_.cache({.name = "objects-" + std::to_string(size), .size = size});
    std::vector<Stamped> live;
    std::mt19937 random(unsigned(size) + 1);
    const std::size_t most = size > 1024 ? 60 : 700;
    for (std::uint32_t step = 0; step < 6000; ++step) {
      const bool fill = (step / 1500) % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
      if (fill && live.size() < most) {
        void *object = cache.allocate();
        ASSERT_NE(object, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignof(void *), 0u);
        live.emplace_back(object, size, step);
      } else if (!live.empty()) {
        const std::size_t index = random() % live.size();
        ASSERT_TRUE(live[index].intact()) << "step " << step;
        cache.free(live[index].object());
        live[index] = live.back();
        live.pop_back();
      }
      if (step % 500 == 0) {
        ASSERT_EQ(cache.invariant(), "") << "step " << step;
        EXPECT_EQ(cache.figures().active_objects, live.size());
        cache.shrink();
      }
    }
    for (const Stamped &each : live) {
      EXPECT_TRUE(each.intact());
      cache.free(each.object());
    }
    expect_sound(cache);
    EXPECT_EQ(cache.figures().active_objects, 0u);
    cache.shrink();
    EXPECT_EQ(cache.figures().total_slabs, 0u);
  }
  EXPECT_EQ(memory_.arena->in_use(), 0u) << "a frame leaked";
  EXPECT_EQ(memory_.arena->memory().invariant(), "");
}

TEST_P(CacheTest, AlignsAsAsked) {
  for (const std::size_t alignment : {8, 64, 256, 4096}) {
    Cache &cache = memory_.cache({.name = "aligned-" + std::to_string(alignment), .size = 40, .alignment = alignment});
    std::set<void *> objects;
    for (int i = 0; i < 100; ++i) {
      void *object = cache.allocate();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignment, 0u);
      EXPECT_TRUE(objects.insert(object).second);
    }
    for (void *object : objects) cache.free(object);
    expect_sound(cache);
  }
}

TEST_P(CacheTest, ZeroesOnRequest) {
  Cache &cache = memory_.cache({.name = "zeroed", .size = 72});
  for (int round = 0; round < 3; ++round) {
    std::vector<void *> objects;
    for (int i = 0; i < 200; ++i) {
      auto *object = static_cast<unsigned char *>(cache.allocate_zeroed());
      EXPECT_TRUE(std::all_of(object, object + 72, [](unsigned char each) { return each == 0; }));
      std::memset(object, 0xee, 72);
      objects.push_back(object);
    }
    for (void *object : objects) cache.free(object);
  }
  expect_sound(cache);
}

TEST_P(CacheTest, ConstructedObjectsKeepTheirState) {
  struct Object {
    std::uint64_t magic[3];
  };
  Cache &cache = memory_.cache({.name = "constructed", .size = sizeof(Object), .constructor = [](void *object) {
                                  for (std::uint64_t &word : static_cast<Object *>(object)->magic) word = 0x600dcafe;
                                }});
  std::vector<Object *> objects;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 300; ++i) {
      objects.push_back(static_cast<Object *>(cache.allocate()));
      for (const std::uint64_t word : objects.back()->magic) ASSERT_EQ(word, 0x600dcafeu);
    }
    for (Object *object : objects) cache.free(object);
    objects.clear();
  }
  expect_sound(cache);
}

// For every N: the Nth frame, or the Nth object beyond the CPU's own, cannot be had.
TEST_P(CacheTest, OutOfMemoryAtEveryStepLeavesEverythingIntact) {
  for (failpoint::Site *site : {&failpoint::frame_allocation, &failpoint::slab_allocation})
    for (std::uint64_t n = 1; n <= 40; ++n) {
      KernelMemory memory(16ull << 20, GetParam().options);
      Cache &cache = memory.cache({.name = "short", .size = 600});
      std::vector<Stamped> live;
      std::size_t refused = 0;
      site->fail_at(n);
      for (std::uint32_t i = 0; i < 60; ++i) {
        if (void *object = cache.allocate())
          live.emplace_back(object, 600, i);
        else
          ++refused;
        if (i % 3 == 2 && !live.empty()) {
          cache.free(live.front().object());
          live.erase(live.begin());
        }
      }
      site->fail_at(0);
      EXPECT_LE(refused, 1u);
      if (n == 1) { EXPECT_EQ(refused, 1u); }
      for (const Stamped &each : live) EXPECT_TRUE(each.intact());
      EXPECT_EQ(cache.invariant(), "");
      for (const Stamped &each : live) cache.free(each.object());
      EXPECT_TRUE(memory.registry.destroy(&cache));
      EXPECT_EQ(memory.arena->in_use(), 0u);
    }
}

TEST_P(CacheTest, MemoryThatIsOutComesBack) {
  KernelMemory memory(4ull << 20, GetParam().options);
  Cache &cache = memory.cache({.name = "greedy", .size = 2000});
  for (int round = 0; round < 2; ++round) {
    std::vector<void *> objects;
    while (void *object = cache.allocate(Gfp::Kernel)) objects.push_back(object);
    EXPECT_GT(objects.size(), 1000u);
    EXPECT_EQ(cache.invariant(), "");
    for (void *object : objects) cache.free(object);
    EXPECT_EQ(cache.figures().active_objects, 0u);
  }
}

// What one cache keeps in empty slabs, another can have.
TEST_P(CacheTest, UnusedSlabsGoToWhoeverNeedsThem) {
  KernelMemory memory(4ull << 20, GetParam().options);
  Cache &rich = memory.cache({.name = "rich", .size = 64, .flags = CacheFlags::NoMerge});
  Cache &poor = memory.cache({.name = "poor", .size = 200, .flags = CacheFlags::NoMerge});
  std::vector<void *> objects;
  while (void *object = rich.allocate()) objects.push_back(object);
  for (void *object : objects) rich.free(object);
  std::size_t had = 0;
  for (objects.clear(); void *object = poor.allocate(); ++had) objects.push_back(object);
  EXPECT_GT(had * 200, std::size_t{2} << 20);
  for (void *object : objects) poor.free(object);
}

INSTANTIATE_TEST_SUITE_P(Policies, CacheTest, testing::ValuesIn(test::kSlabKinds), test::slab_kind_name);

TEST(SlabLayout, TellsObjectsFromEverythingElse) {
  for (const std::size_t size : {1, 8, 13, 24, 96, 104, 192, 1000, 4096, 10000}) {
    const SlabLayout layout = SlabLayout::of({.name = "x", .size = size}).value();
    ASSERT_LE(layout.objects * layout.stride, layout.bytes());
    for (std::uint64_t offset = 0; offset < layout.bytes() + 2 * layout.stride; ++offset) {
      const bool object = offset % layout.stride == 0 && offset / layout.stride < layout.objects;
      ASSERT_EQ(layout.index(offset) < layout.objects, object) << size << " at " << offset;
    }
    EXPECT_GE(layout.index(~0ull), layout.objects);
    EXPECT_GE(layout.index(0 - layout.stride), layout.objects);
    EXPECT_GE(layout.index(1ull << 63), layout.objects);
  }
  EXPECT_FALSE(SlabLayout::of({.name = "x", .size = 0}));
  EXPECT_FALSE(SlabLayout::of({.name = "x", .size = kMaxObjectSize + 1}));
  EXPECT_FALSE(SlabLayout::of({.name = "x", .size = 8, .alignment = 24}));
  EXPECT_FALSE(SlabLayout::of({.name = "x", .size = 8, .alignment = 8192}));
}

} // namespace
} // namespace pagoda::phys
