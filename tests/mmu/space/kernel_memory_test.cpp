// Areas, spaces and objects in the caches of their VM, at the guest's cost.
#include "mmu/space/kernel_memory.hpp"

#include <gtest/gtest.h>

#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::anonymous_at;
using test::pages;
using test::poke;
using test::range_of;
using test::World;

class KernelMemoryTest : public testing::Test {
protected:
  World world_;
  std::unique_ptr<KernelMemory> kernel_ =
      KernelMemory::create(*world_.memory, {.checks = phys::CacheFlags::None}).value();

  [[nodiscard]] std::shared_ptr<Space> make_space() {
    return *Space::create(*world_.memory, world_.invalidator, {}, 7, kernel_.get());
  }
  [[nodiscard]] std::uint64_t active(const std::string &cache) const {
    for (const phys::CacheFigures &figures : kernel_->registry.figures())
      if (figures.name == cache) return figures.active_objects;
    return 0;
  }
  [[nodiscard]] std::uint64_t charge() { return world_.memory->counters().kernel_charge; }
};

TEST_F(KernelMemoryTest, HoldsAreasAndSpaces) {
  EXPECT_EQ(charge(), 0u) << "nothing is taken before it is needed";
  {
    const auto space = make_space();
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(space->map(anonymous_at(Gva(0x10000000) + pages(2 * i), 1)));
    EXPECT_EQ(active("vm_area_struct"), space->areas().size());
    EXPECT_EQ(active("mm_struct"), 1u);
    const auto child = *space->fork(8);
    EXPECT_EQ(active("vm_area_struct"), 2 * space->areas().size());
    EXPECT_EQ(active("mm_struct"), 2u);
    EXPECT_GT(charge(), 0u);
    EXPECT_EQ(charge(), kernel_->arena().in_use());
    EXPECT_EQ(kernel_->registry.totals().unreclaimable, charge());
    ASSERT_TRUE(space->unmap(range_of(Gva(0x10000000), 100)));
    EXPECT_EQ(active("vm_area_struct"), child->areas().size());
  }
  EXPECT_EQ(active("vm_area_struct"), 0u);
  EXPECT_EQ(active("mm_struct"), 0u);
  kernel_->registry.shrink();
  EXPECT_EQ(charge(), 0u);
}

TEST_F(KernelMemoryTest, HoldsObjectsAndTheirPages) {
  auto object = make_object(*world_.memory, kernel_.get());
  for (std::uint64_t i = 0; i < 30; ++i) world_.memory->put(*object->page(i << kPageShift));
  EXPECT_EQ(active("shmem_inode_cache"), 1u);
  EXPECT_EQ(active("radix_tree_node"), 30u);
  object->truncate(10 << kPageShift);
  EXPECT_EQ(active("radix_tree_node"), 10u);
  object.reset();
  EXPECT_EQ(active("shmem_inode_cache") + active("radix_tree_node"), 0u);
}

// Out of memory is an answer, and what gives memory back needs none.
TEST_F(KernelMemoryTest, RefusesAreasWhenTheGuestHasNoMemoryLeft) {
  const auto space = make_space();
  std::vector<Gfn> taken;
  while (const auto frame = world_.memory->allocate(0, phys::FrameKind::Anonymous, 1)) taken.push_back(*frame);
  std::size_t mapped = 0;
  while (mapped < 1000 && space->map(anonymous_at(Gva(0x10000000) + pages(2 * mapped), 1))) ++mapped;
  EXPECT_LT(mapped, 1000u);
  EXPECT_EQ(space->map(anonymous_at(Gva(0x70000000), 1)).error(), Error::OutOfMemory);
  EXPECT_EQ(space->invariant(), "");
  EXPECT_TRUE(space->unmap(range_of(Gva(0x10000000), 2 * mapped)));
  EXPECT_EQ(active("vm_area_struct"), 0u);
  for (; taken.size() > 10; taken.pop_back()) world_.memory->put(taken.back());
  EXPECT_TRUE(space->map(anonymous_at(Gva(0x10000000), 1))) << "there is memory again";
  for (const Gfn frame : taken) world_.memory->put(frame);
}

TEST_F(KernelMemoryTest, CostsTheGuestItsFrames) {
  const std::uint64_t before = world_.memory->counters().free;
  std::byte *area = *kernel_->vmalloc.allocate(64 * kPageSize);
  EXPECT_EQ(charge(), 64u + kernel_->registry.totals().unreclaimable);
  std::uint64_t had = 0;
  std::vector<Gfn> taken;
  for (; const auto frame = world_.memory->allocate(0, phys::FrameKind::Anonymous, 1); ++had) taken.push_back(*frame);
  EXPECT_LE(had + charge(), before);
  EXPECT_FALSE(kernel_->vmalloc.allocate(64 * kPageSize)) << "the guest has none left";
  ASSERT_TRUE(kernel_->vmalloc.free(area));
  EXPECT_TRUE(world_.memory->allocate(0, phys::FrameKind::Anonymous, 1));
  for (const Gfn frame : taken) world_.memory->put(frame);
}

} // namespace
} // namespace pagoda::space
