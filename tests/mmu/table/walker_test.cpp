#include "mmu/table/walker.hpp"

#include "mmu/table/phys_table_memory.hpp"
#include "tests/mmu/table/table_fixture.hpp"
#include "tests/support/limited_memory.hpp"

namespace pagoda::table {
namespace {

constexpr Gva kBase{0x0000'5080'6060'7000}; // indexes 161, 1, 259, 7

// Tables at frames 1 to 4, written by hand.
struct HandMade {
  std::map<std::pair<std::uint64_t, unsigned>, std::uint64_t> entries;
  Walk at(Gva gva, Gfn root = Gfn(1)) const {
    return walk(
        [this](Gfn table, unsigned index) -> std::optional<std::uint64_t> {
          if (table.number() > 4) return std::nullopt;
          const auto found = entries.find({table.number(), index});
          return found == entries.end() ? 0 : found->second;
        },
        root, gva);
  }
};

HandMade full_path(std::uint64_t leaf) {
  return {{{{1, 161}, 0x2027}, {{2, 1}, 0x3027}, {{3, 259}, 0x4027}, {{4, 7}, leaf}}};
}

TEST(Walker, ShowsEveryLevel) {
  const Walk walk = full_path(0x8000'0000'0012'3067).at(kBase + 0x42);
  EXPECT_EQ(walk.end, WalkEnd::Leaf);
  ASSERT_EQ(walk.count, 4u);
  EXPECT_EQ(walk.steps[0].table, Gfn(1));
  EXPECT_EQ(walk.steps[0].index, 161u);
  EXPECT_EQ(walk.steps[3].level, 1u);
  EXPECT_EQ(walk.steps[3].table, Gfn(4));
  EXPECT_EQ(walk.mapping, (Mapping{.frame = Gfn(0x123), .prot = kRW, .level = 1, .accessed = true, .dirty = true}));
  EXPECT_EQ(describe(walk), "PML4[161] at frame 0x00001  0x0000000000002027  -> table 0x00002\n"
                            "PDPT[  1] at frame 0x00002  0x0000000000003027  -> table 0x00003\n"
                            "PD  [259] at frame 0x00003  0x0000000000004027  -> table 0x00004\n"
                            "PT  [  7] at frame 0x00004  0x8000000000123067  -> frame 0x00123 rw-u AD\n");
}

TEST(Walker, EndsAtAHole) {
  HandMade tables = full_path(0);
  Walk walk = tables.at(kBase);
  EXPECT_EQ(walk.end, WalkEnd::Hole);
  EXPECT_EQ(walk.count, 4u);
  EXPECT_FALSE(walk.mapping);
  tables.entries.erase({2, 1});
  walk = tables.at(kBase);
  EXPECT_EQ(walk.count, 2u);
  EXPECT_EQ(describe(walk), "PML4[161] at frame 0x00001  0x0000000000002027  -> table 0x00002\n"
                            "PDPT[  1] at frame 0x00002  0x0000000000000000  not present\n");
}

TEST(Walker, EffectiveRightsAreTheLeastOfAllLevels) {
  HandMade tables = full_path(0x123067);
  EXPECT_EQ(tables.at(kBase).effective, kRW | Prot::Execute);
  tables.entries[{2, 1}] = 0x8000'0000'0000'3025; // no write, no execute
  EXPECT_EQ(tables.at(kBase).effective, kR);
  tables.entries[{3, 259}] = 0x4023; // supervisor
  EXPECT_EQ(tables.at(kBase).effective, Prot::Read);
  EXPECT_EQ(tables.at(kBase).mapping->prot, kRW | Prot::Execute) << "the leaf itself says more";
}

TEST(Walker, LargeLeaves) {
  HandMade tables = full_path(0);
  tables.entries[{3, 259}] = 0x4000'00a7;
  Walk walk = tables.at(kBase);
  EXPECT_EQ(walk.mapping, (Mapping{.frame = Gfn(0x40007), .prot = kRW | Prot::Execute, .level = 2, .accessed = true}));
  EXPECT_NE(describe(walk).find("-> frame 0x40000 rwxu A- 2M"), std::string::npos);
  tables.entries[{2, 1}] = 0x8000'0087;
  walk = tables.at(kBase);
  EXPECT_EQ(walk.mapping->level, 3u);
  EXPECT_EQ(walk.mapping->frame, Gfn(0x80000 + (kBase.value() & (kGiB1 - 1)) / kPageSize));
}

TEST(Walker, TrustsNothing) {
  HandMade tables = full_path(0x123067);
  EXPECT_EQ(tables.at(Gva(0x8000'0000'0000)).end, WalkEnd::NotCanonical);
  EXPECT_EQ(tables.at(Gva(0x8000'0000'0000)).count, 0u);
  EXPECT_EQ(tables.at(kBase, Gfn(77)).end, WalkEnd::Unreadable);
  tables.entries[{3, 259}] = 0x000f'ffff'ffff'f027;
  EXPECT_EQ(tables.at(kBase).end, WalkEnd::Unreadable);
  tables.entries[{3, 259}] = 0x4000'20a7; // bit 13 of a 2M leaf
  EXPECT_EQ(tables.at(kBase).end, WalkEnd::Reserved);
  tables.entries[{1, 161}] = 0x20a7; // PS in the root
  const Walk walk = tables.at(kBase);
  EXPECT_EQ(walk.end, WalkEnd::Reserved);
  EXPECT_NE(describe(walk).find("a reserved bit is set"), std::string::npos);
}

TEST(Walker, ReadsRealMemoryAndStopsAtItsEnd) {
  test::LimitedMemory memory(1 << 20);
  PhysTableMemory tables(*memory, 1);
  auto table = *PageTable<X86_64, PhysTableMemory>::create(tables);
  ASSERT_TRUE(table.map(kBase, Gfn(0x42), kRX));
  Walk found = walk(*memory, table.root(), kBase + 1);
  EXPECT_EQ(found.mapping, table.query(kBase + 1));
  EXPECT_EQ(found.effective, kRX);
  // A guest that could write its tables still cannot lead us out of RAM.
  tables.store(found.steps[3].table, found.steps[3].index, 0);
  tables.store(found.steps[2].table, found.steps[2].index, 0xf'ffff'f027);
  EXPECT_EQ(walk(*memory, table.root(), kBase).end, WalkEnd::Unreadable);
  EXPECT_EQ(walk(*memory, Gfn(~0ull), kBase).end, WalkEnd::Unreadable);
  tables.store(found.steps[2].table, found.steps[2].index, found.steps[2].entry);
  InvalidationBatch batch;
  table.destroy(batch, [](Gva, const Mapping &) {});
  for (Gfn each : batch.consume().tables) memory->put(each);
}

} // namespace
} // namespace pagoda::table
