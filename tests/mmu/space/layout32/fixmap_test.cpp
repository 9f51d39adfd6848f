#include "mmu/space/layout32/fixmap.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/mmu/space/layout32/world32.hpp"

namespace pagoda::space {
namespace {

using test::World32;

TEST(Fixmap, NamesAreConstants) {
  World32 world;
  Fixmap &fixmap = world.map.fixmap;
  EXPECT_EQ(Fixmap::address(FixedSlot::DebugPort), Gva(0xffffe000));
  EXPECT_EQ(Fixmap::address(FixedSlot::ApicBase), Gva(0xffffc000));
  const Gva apic = fixmap.set(FixedSlot::ApicBase, Gpa(0xfee00000)).value();
  EXPECT_EQ(apic, Fixmap::address(FixedSlot::ApicBase));
  const auto place = world.map.translate(apic + 0x20);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->gpa, Gpa(0xfee00020));
  EXPECT_EQ(place->host, nullptr) << "a device, not RAM";
  EXPECT_TRUE(fixmap.clear(FixedSlot::ApicBase));
  EXPECT_EQ(fixmap.clear(FixedSlot::ApicBase).error(), Error::NotMapped);
  EXPECT_EQ(fixmap.set(FixedSlot::Hole, Gpa(0x1000)).error(), Error::Invalid);
  EXPECT_EQ(fixmap.set(FixedSlot::TextPoke0, Gpa(0x1001)).error(), Error::Invalid);
  EXPECT_EQ(world.map.translate(apic).error(), Error::NotMapped);
  EXPECT_EQ(fixmap.invariant(), "");
}

TEST(KmapLocal, IsAStackOfSixteenOnEachCpu) {
  World32 world(3);
  Fixmap &fixmap = world.map.fixmap;
  std::vector<std::vector<std::pair<Gfn, Gva>>> model(3);
  std::mt19937 random(1);
  bool was_full = false;
  for (unsigned step = 0; step < 20000; ++step) {
    const unsigned cpu = unsigned(random() % 3);
    auto &stack = model[cpu];
    if (random() % 16 < (step / 100 % 2 == 0 ? 12u : 4u)) {
      const Gfn frame = world.stamped(World32::high(random() % 100));
      const auto gva = fixmap.map_local(cpu, frame);
      if (stack.size() == kKmapLocalDepth) {
        ASSERT_EQ(gva.error(), Error::NoSpace);
        was_full = true;
        continue;
      }
      ASSERT_TRUE(gva);
      stack.emplace_back(frame, *gva);
    } else if (!stack.empty()) {
      if (stack.size() > 1) { ASSERT_EQ(fixmap.unmap_local(cpu, stack.front().second).error(), Error::Invalid); }
      ASSERT_TRUE(fixmap.unmap_local(cpu, stack.back().second));
      ASSERT_EQ(world.map.translate(stack.back().second).error(), Error::NotMapped);
      stack.pop_back();
    } else {
      ASSERT_EQ(fixmap.unmap_local(cpu, kFixmapTop - kPageSize).error(), Error::NotMapped);
    }
    for (unsigned each = 0; each < 3; ++each) {
      ASSERT_EQ(fixmap.depth(each), model[each].size());
      for (const auto &[frame, gva] : model[each]) ASSERT_TRUE(world.reads(gva, frame));
    }
  }
  EXPECT_TRUE(was_full);
  EXPECT_EQ(fixmap.invariant(), "");
}

TEST(KmapLocal, MisuseIsAnswered) {
  World32 world(2);
  Fixmap &fixmap = world.map.fixmap;
  const Gva mine = fixmap.map_local(0, World32::high(1)).value();
  EXPECT_EQ(fixmap.unmap_local(1, mine).error(), Error::NotMapped) << "another CPU's";
  EXPECT_EQ(fixmap.map_local(2, World32::high(1)).error(), Error::Invalid) << "no such CPU";
  EXPECT_EQ(fixmap.unmap_local(2, mine).error(), Error::Invalid);
  EXPECT_EQ(fixmap.map_local(0, Gfn(1ull << 30)).error(), Error::Invalid) << "no RAM";
  const Gva low = fixmap.map_local(0, Gfn(5)).value();
  EXPECT_EQ(low, Gva(0xc0005000));
  EXPECT_EQ(fixmap.depth(0), 1u) << "low memory takes no slot";
  EXPECT_TRUE(fixmap.unmap_local(0, low));
  EXPECT_TRUE(fixmap.unmap_local(0, mine + 99)) << "any address of the page";
}

} // namespace
} // namespace pagoda::space
