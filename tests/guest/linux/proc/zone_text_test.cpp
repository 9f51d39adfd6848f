// The files about zones, caches and nodes from figures, to the column.
#include "guest/linux/proc/zone_text.hpp"

#include <gtest/gtest.h>

#include "guest/linux/proc/bitmap_text.hpp"
#include "guest/linux/proc/node_text.hpp"
#include "guest/linux/proc/slab_text.hpp"
#include "guest/linux/proc/vmalloc_text.hpp"

namespace pagoda::kernel {
namespace {

using phys::FrameKind;

phys::MemoryFigures two_zones() {
  phys::MemoryFigures figures;
  phys::NodeFigures node;
  node.present = node.managed = 5000;
  node.free = 4000;
  node.by_kind[std::size_t(FrameKind::Anonymous)] = 700;
  node.by_kind[std::size_t(FrameKind::File)] = 200;
  node.by_kind[std::size_t(FrameKind::Table)] = 10;
  node.cpus = {0, 2};
  node.distances = {10, 21};
  node.numa_hit = 11, node.numa_miss = 12, node.numa_foreign = 13;
  node.interleave_hit = 14, node.local_node = 15, node.other_node = 16;
  figures.nodes = {node};
  phys::ZoneFigures zone;
  zone.type = phys::ZoneType::Dma;
  zone.start = Gfn(1);
  zone.spanned = 4095, zone.present = 3998, zone.managed = 3840, zone.free = 3800;
  zone.min = 22, zone.low = 27, zone.high = 32;
  zone.lowmem_reserve = {0, 3019, 11211, 0, 11212, 11213};
  zone.free_blocks[std::size_t(phys::Migratetype::Unmovable)][8] = 1;
  zone.free_blocks[std::size_t(phys::Migratetype::Movable)][9] = 1;
  zone.free_blocks[std::size_t(phys::Migratetype::Movable)][10] = 1234567;
  zone.free_blocks[std::size_t(phys::Migratetype::Isolate)][8] = 2;
  zone.pageblocks = {1, 7, 0, 0, 2};
  zone.per_cpu = {{.slot = 0, .count = 5, .high = 50, .batch = 7, .by_migratetype = {}}};
  figures.zones = {zone};
  return figures;
}

TEST(ZoneText, BuddyinfoSumsTheMigratetypes) {
  EXPECT_EQ(buddyinfo_text(two_zones()), "Node 0, zone      DMA      0      0      0      0      0      0      0      "
                                         "0      3      1 1234567 \n");
}

TEST(ZoneText, PagetypeinfoHasBothTables) {
  const std::string text = pagetypeinfo_text(two_zones());
  EXPECT_TRUE(text.starts_with("Page block order: 9\nPages per block:  512\n\n"
                               "Free pages count per migrate type at order       0      1      2      3      4      5 "
                               "     6      7      8      9     10 \n"
                               "Node    0, zone      DMA, type    Unmovable      0      0      0      0      0      0 "
                               "     0      0      1      0      0 \n"))
      << text;
  EXPECT_TRUE(
      text.ends_with("\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate "
                     "\nNode 0, zone      DMA            1            7            0            0            2 "
                     "\n"))
      << text;
}

TEST(ZoneText, ZoneinfoNamesEveryZoneAndTheNodeOnce) {
  const std::string text = zoneinfo_text(two_zones());
  EXPECT_TRUE(text.starts_with("Node 0, zone      DMA\n  per-node stats\n      nr_anon_pages 700\n      nr_mapped    "
                               "200\n"))
      << text;
  EXPECT_NE(text.find("\n  pages free     3800\n        boost    0\n        min      22\n        low      27\n"
                      "        high     32\n        spanned  4095\n        present  3998\n        managed  3840\n"
                      "        cma      0\n        protection: (0, 3019, 11211, 11212, 11213)\n"
                      "      nr_free_pages 3800\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n  pagesets\n    cpu: 0\n              count:    5\n              high:     50\n"
                      "              batch:    7\n  node_unreclaimable:  0\n  start_pfn:           1\n"),
            std::string::npos);
  EXPECT_NE(text.find("Node 0, zone   Normal\n  pages free     0\n"), std::string::npos) << "empty, but known";
  EXPECT_NE(text.find("Node 0, zone   Device\n"), std::string::npos);
  EXPECT_EQ(text.find("HighMem"), std::string::npos);
  EXPECT_EQ(text.find("per-node"), text.rfind("per-node"));
}

TEST(ZoneText, TheOlderLayoutHasHighMemory) {
  phys::MemoryFigures figures = two_zones();
  figures.zones[0].type = phys::ZoneType::HighMem;
  const std::string text = zoneinfo_text(figures);
  EXPECT_NE(text.find("zone  HighMem"), std::string::npos);
  EXPECT_EQ(text.find("DMA32"), std::string::npos);
}

TEST(NodeText, MeminfoAddsUp) {
  const NodeShare share{.shared = 100, .slab_reclaimable = 3, .slab_unreclaimable = 4, .kernel_charge = 1000};
  const std::string text = node_meminfo_text(two_zones().nodes[0], share);
  for (const char *row : {"Node 0 MemTotal:          20000 kB\n", "Node 0 MemFree:           12000 kB\n",
                          "Node 0 MemUsed:            8000 kB\n", "Node 0 FilePages:          1200 kB\n",
                          "Node 0 AnonPages:          2400 kB\n", "Node 0 Shmem:               400 kB\n",
                          "Node 0 PageTables:           40 kB\n", "Node 0 Slab:                 28 kB\n",
                          "Node 0 SReclaimable:         12 kB\n", "Node 0 HugePages_Total:     0\n"})
    EXPECT_NE(text.find(row), std::string::npos) << row << text;
}

TEST(NodeText, SmallFiles) {
  const phys::NodeFigures node = two_zones().nodes[0];
  EXPECT_EQ(node_numastat_text(node), "numa_hit 11\nnuma_miss 12\nnuma_foreign 13\ninterleave_hit 14\nlocal_node 15\n"
                                      "other_node 16\n");
  EXPECT_EQ(node_distance_text(node), "10 21\n");
  EXPECT_EQ(list_text(cpu_set(node.cpus)), "0,2");
  EXPECT_NE(node_vmstat_text(node, {}).find("numa_interleave 14\nnuma_local 15\n"), std::string::npos);
}

TEST(BitmapText, GroupsOf32BitsTheHighestFirst) {
  EXPECT_EQ(bitmap_text(5, 3), "5");
  EXPECT_EQ(bitmap_text(5, 33), "0,00000005");
  EXPECT_EQ(bitmap_text(~0ull, 64), "ffffffff,ffffffff");
  EXPECT_EQ(bitmap_text(1ull << 40 | 2, 64), "00000100,00000002");
}

TEST(VmallocText, AddressesOfTheHostAreNotTold) {
  const auto at = [](std::uint64_t address) { return reinterpret_cast<const void *>(address); };
  const space::VmallocFigures areas[] = {{at(0x7f1234560000), Gva(0), 20480, 4, at(0x401000)},
                                         {at(0x7f1234570000), Gva(0), 8192, 1, nullptr}};
  EXPECT_EQ(vmallocinfo_text(areas), "0xffffc90000000000-0xffffc90000005000   20480 pages=4 vmalloc N0=4\n"
                                     "0xffffc90000010000-0xffffc90000012000    8192 pages=1 vmalloc N0=1\n");
  EXPECT_EQ(vmallocinfo_text({}), "");
  const space::VmallocFigures of_layout32[] = {{at(0x7f1234560000), Gva(0xf8800000), 20480, 4, nullptr}};
  EXPECT_EQ(vmallocinfo_text(of_layout32), "0xf8800000-0xf8805000   20480 pages=4 vmalloc\n");
}

TEST(SlabText, OneRowACache) {
  phys::CacheFigures cache;
  cache.name = "vm_area";
  cache.active_objects = 123, cache.total_objects = 150;
  cache.object_size = 190, cache.stride = 192;
  cache.objects_per_slab = 21, cache.pages_per_slab = 1;
  cache.active_slabs = 7, cache.total_slabs = 8;
  const std::string text = slabinfo_text(std::span(&cache, 1));
  EXPECT_TRUE(text.starts_with("slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> "))
      << text;
  EXPECT_TRUE(text.ends_with("\nvm_area              123    150    192   21    1 : tunables    0    0    0 : slabdata "
                             "     7      8      0\n"))
      << text;
}

} // namespace
} // namespace pagoda::kernel
