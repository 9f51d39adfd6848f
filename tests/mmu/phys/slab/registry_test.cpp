#include "mmu/phys/slab/registry.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/phys/slab/cache_allocator.hpp"
#include "tests/support/kernel_memory.hpp"

namespace pagoda::phys {
namespace {

using test::KernelMemory;

TEST(SlabRegistry, MergesLikeCaches) {
  KernelMemory memory(4ull << 20);
  Cache *first = memory.registry.create({.name = "first", .size = 64}).value();
  EXPECT_EQ(memory.registry.create({.name = "like", .size = 60}).value(), first);
  EXPECT_NE(memory.registry.create({.name = "larger", .size = 80}).value(), first);
  EXPECT_NE(memory.registry.create({.name = "alone", .size = 60, .flags = CacheFlags::NoMerge}).value(), first);
  EXPECT_NE(memory.registry.create({.name = "made", .size = 60, .constructor = [](void *) {}}).value(), first);
  EXPECT_NE(memory.registry.create({.name = "shrunk", .size = 60, .flags = CacheFlags::ReclaimAccount}).value(), first);
  const std::vector<CacheFigures> figures = memory.registry.figures();
  ASSERT_EQ(figures.size(), 5u);
  EXPECT_EQ(figures[0].aliases, std::vector<std::string>{"like"});

  void *object = first->allocate();
  EXPECT_TRUE(memory.registry.destroy(first)) << "one user less";
  EXPECT_EQ(memory.registry.destroy(first).error(), Error::Busy) << "an object is in use";
  first->free(object);
  EXPECT_TRUE(memory.registry.destroy(first));
  EXPECT_EQ(memory.registry.destroy(first).error(), Error::NotMapped);
}

TEST(SlabRegistry, RefusesNamesThatAreTakenOrEmpty) {
  KernelMemory memory(4ull << 20);
  Cache *cache = memory.registry.create({.name = "one", .size = 64}).value();
  EXPECT_EQ(memory.registry.create({.name = "alias", .size = 64}).value(), cache);
  EXPECT_EQ(memory.registry.create({.name = "one", .size = 8}).error(), Error::Exists);
  EXPECT_EQ(memory.registry.create({.name = "alias", .size = 8}).error(), Error::Exists);
  EXPECT_EQ(memory.registry.create({.name = "", .size = 8}).error(), Error::Invalid);
  EXPECT_EQ(memory.registry.create({.name = "none", .size = 0}).error(), Error::Invalid);
}

TEST(SlabRegistry, BoundsTheNumberOfCaches) {
  KernelMemory memory(4ull << 20, {.checks = CacheFlags::None, .merge = false});
  std::size_t made = 0;
  while (memory.registry.create({.name = "cache-" + std::to_string(made), .size = 64})) ++made;
  EXPECT_EQ(made, SlabRegistry::kMaxCaches - 1);
}

TEST(SlabRegistry, CountsTrulyForSlabinfo) {
  KernelMemory memory(4ull << 20);
  Cache &cache = memory.cache({.name = "counted", .size = 100, .flags = CacheFlags::NoMerge});
  EXPECT_EQ(memory.arena->in_use(), 0u) << "a cache costs no frame before its first object";
  std::vector<void *> objects;
  for (int i = 0; i < 500; ++i) objects.push_back(cache.allocate());
  CacheFigures figures = memory.registry.figures()[0];
  EXPECT_EQ(figures.object_size, 100u);
  EXPECT_EQ(figures.stride, 104u);
  EXPECT_EQ(figures.active_objects, 500u);
  EXPECT_EQ(figures.total_objects, figures.total_slabs * figures.objects_per_slab);
  EXPECT_EQ(figures.total_slabs, (500 + figures.objects_per_slab - 1) / figures.objects_per_slab);
  EXPECT_EQ(figures.waste_bytes, figures.bytes() - figures.total_objects * 100);
  EXPECT_EQ(memory.registry.totals().unreclaimable, figures.total_slabs * figures.pages_per_slab);
  EXPECT_EQ(memory.arena->in_use(), figures.total_slabs * figures.pages_per_slab);

  for (int i = 0; i < 500; i += 2) cache.free(objects[i]);
  figures = memory.registry.figures()[0];
  EXPECT_EQ(figures.active_objects, 250u);
  EXPECT_EQ(figures.partial_slabs, figures.active_slabs);
  for (int i = 1; i < 500; i += 2) cache.free(objects[i]);
  EXPECT_GT(cache.shrink(), 0u);
  EXPECT_EQ(memory.registry.totals().unreclaimable, 0u);
}

TEST(SlabRegistry, AsksShrinkersInProportion) {
  struct Objects : Shrinker {
    std::uint64_t objects = 4096, scanned = 0;
    const char *name() const override { return "objects"; }
    std::uint64_t count() override { return objects; }
    std::uint64_t scan(std::uint64_t wanted) override {
      scanned += wanted;
      objects -= wanted;
      return wanted;
    }
  } cheap;
  struct Dear : Objects {
    unsigned seeks() const override { return 8; }
  } dear;
  KernelMemory memory(4ull << 20);
  memory.registry.register_shrinker(cheap);
  memory.registry.register_shrinker(dear);
  memory.registry.shrink(4);
  EXPECT_EQ(cheap.scanned, 256u);
  EXPECT_EQ(dear.scanned, 64u);
  memory.registry.unregister_shrinker(dear);
  memory.registry.shrink(0);
  EXPECT_EQ(cheap.objects, 0u);
  EXPECT_EQ(dear.scanned, 64u);
}

// Each node has its own partial slabs; memory of the other one is the last resort, not the first.
TEST(SlabRegistry, TakesObjectsFromTheNodeOfTheCaller) {
  Topology machine = Topology::uma(8ull << 20, 2);
  const NodeSpec half{.bytes = 4ull << 20, .cpus = {}, .distances = {}};
  machine.nodes = {half, half};
  for (const SlabPolicy policy : {SlabPolicy::Slub, SlabPolicy::Slab}) {
    auto arena = KernelArena::create(machine).value();
    SlabRegistry registry(*arena, {.policy = policy, .checks = CacheFlags::None});
    Cache *cache = registry.create({.name = "objects", .size = 1000}).value();
    std::vector<void *> objects;
    for (const NodeId node : {NodeId{0}, NodeId{1}}) {
      set_local_node(node);
      cache->shrink(); // the CPU's own slab is of the node where it was before
      for (int i = 0; i < 100; ++i) {
        objects.push_back(cache->allocate());
        EXPECT_EQ(arena->node(arena->page(objects.back())), node);
      }
    }
    while (void *object = cache->allocate()) objects.push_back(object);
    EXPECT_GT(objects.size(), 6000u) << "both nodes' memory";
    EXPECT_EQ(cache->invariant(), "");
    for (void *object : objects) cache->free(object);
    set_local_node(0);
    EXPECT_TRUE(registry.destroy(cache));
    EXPECT_EQ(arena->in_use(), 0u);
  }
}

TEST(CacheAllocator, KeepsNodesInItsCache) {
  KernelMemory memory(4ull << 20);
  NamedCache named(memory.registry, "nodes");
  {
    std::map<int, int, std::less<>, CacheAllocator<std::pair<const int, int>>> map{
        CacheAllocator<std::pair<const int, int>>(&named)};
    EXPECT_TRUE(memory.registry.figures().empty()) << "not before the first node";
    for (int i = 0; i < 1000; ++i) map[i] = i;
    EXPECT_EQ(memory.registry.figures()[0].active_objects, 1000u);
    for (int i = 0; i < 1000; i += 2) map.erase(i);
    EXPECT_EQ(memory.registry.figures()[0].active_objects, 500u);
    for (int i = 1; i < 1000; i += 2) EXPECT_EQ(map.at(i), i);
  }
  EXPECT_EQ(memory.registry.figures()[0].active_objects, 0u);
}

TEST(CacheAllocator, FallsBackToTheHeapWhenKernelMemoryIsOut) {
  KernelMemory memory(4ull << 20);
  NamedCache named(memory.registry, "nodes");
  std::vector<std::byte *> hogged;
  while (const auto frame = memory.arena->allocate(0, FrameKind::Kernel, Gfp::Kernel, 0)) hogged.push_back(*frame);
  {
    std::map<int, int, std::less<>, CacheAllocator<std::pair<const int, int>>> map{
        CacheAllocator<std::pair<const int, int>>(&named)};
    for (int i = 0; i < 100; ++i) map[i] = i;
    EXPECT_EQ(named.overflows(), 100u);
  }
  for (std::byte *frame : hogged) memory.arena->free(frame, 0);
}

} // namespace
} // namespace pagoda::phys
