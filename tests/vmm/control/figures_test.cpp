#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/control/figures_json.hpp"
#include "vmm/control/figures_text.hpp"

namespace pagoda::vmm::control {
namespace {

using testing::HasSubstr;

phys::MemoryFigures one_zone() {
  phys::MemoryFigures memory;
  phys::ZoneFigures zone;
  zone.type = phys::ZoneType::Normal;
  zone.managed = 1000;
  zone.free = 11;
  zone.max_order = 3;
  zone.free_blocks[unsigned(phys::Migratetype::Movable)][0] = 3;
  zone.free_blocks[unsigned(phys::Migratetype::Movable)][1] = 1;
  zone.free_blocks[unsigned(phys::Migratetype::Unmovable)][1] = 1;
  zone.free_blocks[unsigned(phys::Migratetype::Unmovable)][2] = 1;
  zone.by_kind[unsigned(phys::FrameKind::Anonymous)] = 42;
  memory.zones.push_back(zone);
  for (phys::NodeId id : {0, 1}) {
    phys::NodeFigures node;
    node.node = id;
    node.managed = 512 << (20 - kPageShift);
    node.cpus = {id * 2u, id * 2u + 1};
    node.distances = {std::uint8_t(id == 0 ? 10 : 20), std::uint8_t(id == 0 ? 20 : 10)};
    node.numa_hit = 100u + id;
    memory.nodes.push_back(node);
  }
  return memory;
}

TEST(FiguresJson, FreeBlocksEndAtTheHighestOrder) {
  const auto memory = one_zone();
  EXPECT_EQ(free_blocks_json(memory.zones[0], Fragmentation::No).dump(),
            R"({"node":0,"zone":"Normal","free_blocks":[3,2,1,0]})");
}

TEST(FiguresJson, FragmentationComesByOrder) {
  const auto memory = one_zone();
  const Json json = free_blocks_json(memory.zones[0], Fragmentation::Yes);
  EXPECT_EQ(json["unusable_free_index_permille"].dump(), "[0,272,636,1000]");
  EXPECT_EQ(json["fragmentation_index_permille"].dump(), "[-1000,-1000,-1000,605]");
}

TEST(FiguresJson, NamesMigratetypesAndKinds) {
  const auto memory = one_zone();
  const Json types = pagetypes_json(memory.zones[0]);
  EXPECT_EQ(types["free_blocks"]["Movable"].dump(), "[3,1,0,0]");
  EXPECT_EQ(types["free_blocks"]["Unmovable"].dump(), "[0,1,1,0]");
  EXPECT_EQ(json_of(memory.zones[0])["by_kind"].dump(), R"({"anonymous":42})");
  EXPECT_EQ(json_of(memory.nodes[1])["numa_hit"], 101);
}

TEST(FiguresText, FragmentationAsLinuxHasIt) {
  const std::string text = fragmentation_text(one_zone());
  EXPECT_THAT(text, HasSubstr("Node 0, zone   Normal 0.000 0.272 0.636 1.000 \n"));
  EXPECT_THAT(text, HasSubstr("Node 0, zone   Normal -1.000 -1.000 -1.000 0.605 \n"));
}

TEST(FiguresText, NumaAsNumactlHasIt) {
  const std::string text = numa_text(one_zone());
  for (const char *part : {"available: 2 nodes (0-1)", "node 1 cpus: 2 3", "node 0 size: 512 MB",
                           "node distances:\nnode    0    1 \n   0:  10   20 \n   1:  20   10 \n", "numa_hit"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(FiguresText, PagesHaveAColumnForEachKindThereIs) {
  KindCounts sh{}, ls{};
  sh[unsigned(phys::FrameKind::Anonymous)] = 10;
  sh[unsigned(phys::FrameKind::Table)] = 4;
  ls[unsigned(phys::FrameKind::Anonymous)] = 5;
  const std::string text = pages_text("owner", {{"sh (1)", sh}, {"ls (2)", ls}});
  EXPECT_EQ(text, "owner    anonymous       table         all\n"
                  "sh (1)          10           4          14\n"
                  "ls (2)           5           0           5\n"
                  "all             15           4          19\n");
}

TEST(FiguresText, KindsHaveTheirShare) {
  KindCounts a{}, t{};
  a[unsigned(phys::FrameKind::Anonymous)] = 3;
  t[unsigned(phys::FrameKind::Table)] = 1;
  const std::string text = kinds_text({{"anonymous", a}, {"table", t}});
  EXPECT_THAT(text, HasSubstr("anonymous            3            12   75.0 %\n"));
  EXPECT_THAT(text, HasSubstr("all                  4            16  100.0 %\n"));
}

} // namespace
} // namespace pagoda::vmm::control
