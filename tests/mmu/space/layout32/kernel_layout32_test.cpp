#include "mmu/space/layout32/kernel_layout32.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/mmu/space/layout32/world32.hpp"

namespace pagoda::space {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20;

TEST(KernelLayout32, IsThatOfI386Linux) {
  const KernelLayout32 full({.low_bytes = 2048 * kMiB});
  EXPECT_EQ(full.direct_map, (GvaRange{Gva(0xc0000000), Gva(0xf8000000)})) << "896M and no more";
  EXPECT_EQ(full.vmalloc, (GvaRange{Gva(0xf8800000), Gva(0xff7fe000)}));
  EXPECT_EQ(full.kmap, (GvaRange{Gva(0xff800000), Gva(0xffc00000)}));
  EXPECT_EQ(full.fixmap.end, Gva(0xfffff000));
  const KernelLayout32 pae({.low_bytes = 2048 * kMiB, .pae = true});
  EXPECT_EQ(pae.kmap, (GvaRange{Gva(0xffc00000), Gva(0xffe00000)}));
  EXPECT_EQ(pae.kmap_slots(), 512u);
  const KernelLayout32 small({.low_bytes = 64 * kMiB});
  EXPECT_EQ(small.vmalloc.begin, Gva(0xc4800000)) << "what low memory leaves is the vmalloc area's";
}

TEST(KernelLayout32, RegionsNeverOverlap) {
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 20000; ++i) {
    const std::uint64_t low = random() >> (random() % 60);
    const Machine32 machine{low, unsigned(random() % 100), random() % 2 == 0};
    const KernelLayout32 layout(machine);
    ASSERT_TRUE(layout.disjoint()) << low << " bytes, " << machine.cpus << " CPUs, PAE " << machine.pae;
    ASSERT_EQ(layout.kmap.begin.value() % layout.kmap.length(), 0u) << "one page table";
    // By address, too: whatever is asked, at most one region answers, and it is the one that lies there.
    const Gva gva(0xc0000000 + random() % 0x40000000);
    const auto region = layout.region_of(gva);
    const unsigned answers = unsigned(layout.direct_map.contains(gva)) + unsigned(layout.vmalloc.contains(gva)) +
                             unsigned(layout.kmap.contains(gva)) + unsigned(layout.fixmap.contains(gva));
    ASSERT_EQ(answers, region ? 1u : 0u) << std::hex << gva.value();
  }
}

TEST(KernelLayout32, FollowsTheMachine) {
  const Machine32 small = Machine32::of(test::split32(512 * kMiB, 4));
  EXPECT_EQ(small.low_bytes, 512 * kMiB);
  EXPECT_EQ(small.cpus, 4u);
  EXPECT_FALSE(small.pae);
  EXPECT_FALSE(Machine32::of(test::split32(3072 * kMiB)).pae);
  EXPECT_TRUE(Machine32::of(test::split32(3080 * kMiB)).pae) << "it continues at 4G";
}

TEST(KernelMap32, TranslatesEachRegionAndNoGap) {
  test::World32 world;
  const KernelLayout32 &layout = world.map.layout;
  for (const std::uint64_t frame : {1ull, 4096ull, 229375ull})
    EXPECT_TRUE(world.reads(layout.direct(Gfn(frame).gpa()), world.stamped(Gfn(frame))));
  const Gfn high = world.stamped(test::World32::high(7));
  EXPECT_TRUE(world.reads(world.map.kmap.map(high).value(), high));
  EXPECT_TRUE(world.reads(world.map.fixmap.map_local(0, high).value(), high));
  EXPECT_EQ(world.map.translate(*world.map.kmap.map(high) + 123)->gpa, high.gpa() + 123);

  std::byte *area = world.kernel->vmalloc.allocate(3 * kPageSize).value();
  EXPECT_EQ(world.map.translate(layout.vmalloc.begin + 5000)->host, area + 5000);
  EXPECT_FALSE(world.map.translate(layout.vmalloc.begin)->gpa) << "the kernel's own memory is not the guest's RAM";
  for (const Gva gap : {Gva(0), kPageOffset - 1, layout.direct_map.end, layout.vmalloc.begin - 1,
                        layout.vmalloc.begin + 3 * kPageSize, layout.vmalloc.end, layout.kmap.begin - 1,
                        layout.kmap.begin, layout.fixmap.begin, kFixmapTop, Gva(1ull << 32), Gva(~0ull)})
    EXPECT_EQ(world.map.translate(gap).error(), Error::NotMapped) << std::hex << gap.value();
}

TEST(KernelMemory32, VmallocEndsWithItsArea) {
  test::World32 world;
  Vmalloc &vmalloc = world.kernel->vmalloc;
  const GvaRange range = world.map.layout.vmalloc;
  EXPECT_EQ(vmalloc.total_bytes(), range.length());
  EXPECT_EQ(vmalloc.allocate(range.length()).error(), Error::OutOfMemory) << "no room for the guard page";
  std::byte *first = vmalloc.allocate(60 * kMiB).value();
  EXPECT_EQ(vmalloc.allocate(60 * kMiB).error(), Error::NoSpace);
  std::byte *second = vmalloc.allocate(kPageSize).value();
  const auto figures = vmalloc.figures();
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0].gva, range.begin);
  EXPECT_EQ(figures[1].gva, range.begin + 60 * kMiB + kPageSize) << "a guard page lies between";
  EXPECT_TRUE(vmalloc.free(first));
  EXPECT_TRUE(vmalloc.free(second));
}

TEST(KernelMemory32, IsChargedAgainstLowMemoryAlone) {
  test::LimitedMemory memory(test::split32(1024 * kMiB));
  const std::uint64_t low = (phys::kDirectMapEnd.value() >> kPageShift) - 1; // without frame 0
  EXPECT_FALSE(memory->set_kernel_charge(low + 1)) << "HIGHMEM is free, but of no use to the kernel";
  ASSERT_TRUE(memory->set_kernel_charge(low));
  const phys::Request kernel{.gfp = phys::Gfp::Kernel, .kind = phys::FrameKind::Kernel};
  EXPECT_EQ(memory->allocate(kernel).error(), Error::OutOfMemory);
  for (std::uint64_t left = test::World32::kHighFrames; left != 0; --left) {
    const auto frame = memory->allocate({.gfp = phys::Gfp::HighUserMovable});
    ASSERT_TRUE(frame) << "programs have HIGHMEM still";
    ASSERT_EQ(memory->zone_of(*frame), phys::ZoneType::HighMem);
  }
  ASSERT_TRUE(memory->set_kernel_charge(low - 1));
  EXPECT_TRUE(memory->allocate(kernel));
}

} // namespace
} // namespace pagoda::space
