#include "guest/linux/proc/numa_maps.hpp"

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/nodes.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::kernel {
namespace {

using phys::NodeMask;
using space::Mempolicy;
using space::PolicyFlags;
using space::PolicyMode;

Mempolicy policy(PolicyMode mode, std::uint64_t nodes, PolicyFlags flags = PolicyFlags::None) {
  return *Mempolicy::make(mode, flags, NodeMask(nodes), NodeMask(7));
}

TEST(NumaMaps, PoliciesAreNamedAsLinuxNamesThem) {
  EXPECT_EQ(policy_text({}), "default");
  EXPECT_EQ(policy_text(policy(PolicyMode::Local, 0)), "local");
  EXPECT_EQ(policy_text(policy(PolicyMode::Preferred, 2)), "prefer:1");
  EXPECT_EQ(policy_text(policy(PolicyMode::Bind, 7, PolicyFlags::StaticNodes)), "bind=static:0-2");
  EXPECT_EQ(policy_text(policy(PolicyMode::Interleave, 5, PolicyFlags::RelativeNodes)), "interleave=relative:0,2");
  EXPECT_EQ(policy_text(policy(PolicyMode::PreferredMany, 6)), "prefer (many):1-2");
}

TEST(NumaMaps, ALineHasWhatItsPagesAre) {
  space::Vma area;
  area.range = {Gva(0x7f0000), Gva(0x800000)};
  area.role = space::VmaRole::Heap;
  EXPECT_EQ(numa_maps_line(area, {}, {}), "007f0000 default heap\n");
  space::NumaFigures figures{.pages = 5, .anonymous = 3, .dirty = 2, .most_mappings = 4, .by_node = {}};
  figures.by_node[0] = 1, figures.by_node[2] = 4;
  EXPECT_EQ(numa_maps_line(area, policy(PolicyMode::Bind, 1), figures),
            "007f0000 bind:0 heap anon=3 dirty=2 mapped=5 mapmax=4 N0=1 N2=4 kernelpagesize_kB=4\n");
}

TEST(NumaMaps, AreasShowTheTasksPolicyUnlessTheyHaveOne) {
  test::World world(test::nodes_of(2, 16ull << 20));
  const Gva at(0x400000);
  ASSERT_TRUE(world.space->map(test::anonymous_at(at, 4)));
  ASSERT_TRUE(world.space->set_policy(test::range_of(at + test::pages(2), 2), policy(PolicyMode::Bind, 2)));
  for (int i = 0; i < 4; ++i) test::poke(*world.space, at + test::pages(std::uint64_t(i)), 1);
  EXPECT_EQ(numa_maps_text(*world.space, policy(PolicyMode::Interleave, 3)),
            "00400000 interleave:0-1 anon=2 dirty=2 N0=2 kernelpagesize_kB=4\n"
            "00402000 bind:1 anon=2 dirty=2 N1=2 kernelpagesize_kB=4\n");
}

} // namespace
} // namespace pagoda::kernel
