#include "tests/mmu/table/table_fixture.hpp"

namespace pagoda::table {
namespace {

constexpr Gva kBase{0x7f00'0000'0000};
using PageTableTest = TableTest;
using PageTableDeathTest = TableTest;

TEST_F(PageTableTest, MapsGrowTablesOnDemand) {
  EXPECT_EQ(table_.table_pages(), 1u);
  EXPECT_TRUE(table_.map(kBase, Gfn(7), kRW));
  EXPECT_EQ(table_.table_pages(), 4u);
  EXPECT_TRUE(table_.map(kBase + kPageSize, Gfn(8), kR));
  EXPECT_EQ(table_.table_pages(), 4u);
  EXPECT_TRUE(table_.map(kBase + kMiB2, Gfn(9), kRX));
  EXPECT_EQ(table_.table_pages(), 5u);
  EXPECT_TRUE(table_.map(kBase + kGiB1, Gfn(10), kRX));
  EXPECT_EQ(table_.table_pages(), 7u);
  EXPECT_EQ(memory_.live(), 7u);
  EXPECT_EQ(table_.query(kBase + 0x123), (Mapping{.frame = Gfn(7), .prot = kRW}));
  EXPECT_EQ(prot_at(kBase + kMiB2), kRX);
  EXPECT_EQ(table_.query(kBase + 2 * kPageSize), std::nullopt);
}

TEST_F(PageTableTest, ASecondMappingIsRefused) {
  ASSERT_TRUE(table_.map(kBase, Gfn(7), kRW));
  EXPECT_EQ(table_.map(kBase, Gfn(8), kRW).error(), Error::Exists);
  EXPECT_EQ(frame_at(kBase), Gfn(7));
}

TEST_F(PageTableTest, HostileAddressesAreInvalid) {
  for (Gva gva : {Gva(1), Gva(0x8000'0000'0000), Gva(0xffff'7fff'ffff'f000), Gva(~0ull), Gva(0xffff'ffff'ffff'f000)})
    EXPECT_EQ(table_.map(gva, Gfn(1), kR).error(), Error::Invalid) << std::hex << gva.value();
  EXPECT_EQ(table_.map(kBase, Gfn(1ull << 40), kR).error(), Error::Invalid);
  EXPECT_EQ(table_.map(kBase, Gfn(~0ull), kR).error(), Error::Invalid);
  const std::vector<Gfn> two = frames(1, 2);
  EXPECT_FALSE(table_.map_run(Gva(0x7fff'ffff'f000), two, kR, [](Gva, Gfn) {}));
  InvalidationBatch batch;
  EXPECT_EQ(table_.move({Gva(0x1000), Gva(0x3000)}, Gva(0x7fff'ffff'f000), batch).error(), Error::Invalid);
  EXPECT_EQ(table_.move({Gva(0x1000), Gva(0x3000)}, Gva(0x2000), batch).error(), Error::Invalid) << "overlap";
  EXPECT_EQ(table_.move({Gva(0x3000), Gva(0x1000)}, Gva(0x9000), batch).error(), Error::Invalid);
  EXPECT_EQ(table_.replace(Gva(0x1001), Gfn(1), kR, batch).error(), Error::Invalid);
  table_.unmap({Gva(0x1000), Gva(~0ull)}, batch, [](Gva, const Mapping &) { FAIL(); });
  table_.protect({Gva(0), Gva(0xffff'ffff'ffff'f000)}, kR, batch);
  EXPECT_EQ(table_.query(Gva(0x8000'0000'0000)), std::nullopt);
  EXPECT_EQ(table_.query(Gva(~0ull)), std::nullopt);
  EXPECT_EQ(table_.table_pages(), 1u);
}

TEST_F(PageTableTest, TheLastUserPageWorks) {
  const Gva last(0x7fff'ffff'f000);
  ASSERT_TRUE(table_.map(last, Gfn(3), kRW));
  EXPECT_EQ(frame_at(last + 0xfff), Gfn(3));
  InvalidationBatch batch;
  table_.unmap({last, last + kPageSize}, batch, [](Gva, const Mapping &) {});
  EXPECT_EQ(settle(batch).tables.size(), 3u);
}

TEST_F(PageTableTest, OnlyALeafWithoutRightsIsRelocatedAndKeepsItsBits) {
  InvalidationBatch batch;
  EXPECT_EQ(table_.relocate(kBase, Gfn(8), kRW).error(), Error::NotMapped);
  ASSERT_TRUE(table_.map(kBase, Gfn(7), kRW));
  touch(kBase, X86_64::kAccessed | X86_64::kDirty);
  EXPECT_EQ(table_.relocate(kBase, Gfn(8), kRW).error(), Error::Busy);
  table_.protect({kBase, kBase + kPageSize}, Prot::None, batch);
  EXPECT_EQ(settle(batch).stale.size(), 1u);
  ASSERT_TRUE(table_.relocate(kBase, Gfn(8), kR));
  EXPECT_EQ(table_.query(kBase), (Mapping{.frame = Gfn(8), .prot = kR, .accessed = true, .dirty = true}));
  EXPECT_EQ(table_.relocate(Gva(1), Gfn(8), kR).error(), Error::Invalid);
}

TEST_F(PageTableTest, ARunCrossesTablesAndSkipsWhatIsThere) {
  const Gva gva = kBase + kGiB1 - 3 * kPageSize;
  ASSERT_TRUE(table_.map(gva + kPageSize, Gfn(999), kR));
  const std::vector<Gfn> list = frames(100, 600);
  std::map<Gva, Gfn> skipped;
  EXPECT_EQ(table_.map_run(gva, list, kRW, [&](Gva at, Gfn frame) { skipped[at] = frame; }), 599u);
  EXPECT_EQ(skipped, (std::map<Gva, Gfn>{{gva + kPageSize, Gfn(101)}}));
  for (std::size_t i = 0; i < list.size(); ++i) ASSERT_EQ(frame_at(gva + i * kPageSize), i == 1 ? Gfn(999) : list[i]);
  EXPECT_EQ(table_.map_run(gva, {}, kRW, [](Gva, Gfn) {}), 0u);
}

TEST_F(PageTableTest, ReplaceGivesTheOldLeafAndOwesAFlush) {
  InvalidationBatch batch;
  EXPECT_EQ(table_.replace(kBase, Gfn(8), kRW, batch).error(), Error::NotMapped);
  ASSERT_TRUE(table_.map(kBase, Gfn(7), kR));
  touch(kBase, X86_64::kAccessed);
  EXPECT_EQ(table_.replace(kBase, Gfn(8), kRW, batch), (Mapping{.frame = Gfn(7), .prot = kR, .accessed = true}));
  EXPECT_EQ(table_.query(kBase), (Mapping{.frame = Gfn(8), .prot = kRW}));
  const auto owed = settle(batch);
  ASSERT_EQ(owed.stale.size(), 1u);
  EXPECT_EQ(owed.stale[0].old_frame, Gfn(7));
  EXPECT_EQ(owed.stale[0].frames, 1u);
}

TEST_F(PageTableTest, UnmapReportsEachLeafAndRetiresEmptyTables) {
  map_all(kBase, 100, 1030, kRW);
  ASSERT_EQ(table_.table_pages(), 6u);
  InvalidationBatch batch;
  std::map<Gva, Gfn> seen;
  table_.unmap(pages(kBase + kPageSize, 1028), batch, [&](Gva gva, const Mapping &m) { seen[gva] = m.frame; });
  EXPECT_EQ(seen.size(), 1028u);
  EXPECT_EQ(seen.begin()->second, Gfn(101));
  EXPECT_EQ(table_.table_pages(), 5u) << "the middle one is empty";
  auto owed = settle(batch);
  EXPECT_EQ(owed.stale.size(), 1028u);
  EXPECT_EQ(owed.tables.size(), 1u);
  EXPECT_EQ(frame_at(kBase), Gfn(100));
  EXPECT_EQ(frame_at(kBase + 1029 * kPageSize), Gfn(1129));
  // A range much larger than what is mapped.
  table_.unmap({Gva(0), Gva(0x7fff'ffff'f000)}, batch, [](Gva, const Mapping &) {});
  EXPECT_EQ(settle(batch).tables.size(), 4u);
  EXPECT_EQ(table_.table_pages(), 1u);
}

TEST_F(PageTableTest, ProtectNotesLossesOnly) {
  map_all(kBase, 100, 4, kRW);
  InvalidationBatch batch;
  table_.protect(pages(kBase, 2), kR, batch);
  EXPECT_EQ(settle(batch).stale.size(), 2u);
  table_.protect(pages(kBase, 4), kRW, batch);
  EXPECT_TRUE(batch.empty()) << "an upgrade owes nothing";
  table_.protect(pages(kBase, 4), kRX, batch);
  EXPECT_EQ(settle(batch).stale.size(), 4u) << "W went, X came";
  EXPECT_EQ(prot_at(kBase + 3 * kPageSize), kRX);
}

TEST_F(PageTableTest, NoRightsKeepTheFrame) {
  map_all(kBase, 100, 2, kRW);
  InvalidationBatch batch;
  table_.protect(pages(kBase, 2), Prot::None, batch);
  EXPECT_EQ(settle(batch).stale.size(), 2u);
  EXPECT_EQ(table_.query(kBase), (Mapping{.frame = Gfn(100), .prot = Prot::None}));
  EXPECT_EQ(memory_.walk(table_.root(), kBase).effective, Prot::None);
  EXPECT_EQ(table_.map(kBase, Gfn(5), kR).error(), Error::Exists);
  table_.protect(pages(kBase, 1), kRW, batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(table_.query(kBase), (Mapping{.frame = Gfn(100), .prot = kRW}));
  std::vector<Gfn> freed;
  table_.unmap(pages(kBase, 2), batch, [&](Gva, const Mapping &m) { freed.push_back(m.frame); });
  EXPECT_EQ(freed, frames(100, 2));
  EXPECT_EQ(settle(batch).stale.size(), 1u) << "no processor can hold the other";
}

TEST_F(PageTableTest, MoveKeepsEntriesAndNotesTheOldPlace) {
  map_all(kBase, 100, 600, kRW);
  touch(kBase + kPageSize, X86_64::kAccessed | X86_64::kDirty);
  InvalidationBatch batch;
  const Gva to = kBase + 5 * kGiB1 + 77 * kPageSize;
  ASSERT_TRUE(table_.move(pages(kBase, 600), to, batch));
  const auto owed = settle(batch);
  EXPECT_EQ(owed.stale.size(), 600u);
  EXPECT_EQ(owed.stale[0].gva, kBase);
  for (std::uint64_t i = 0; i < 600; ++i) {
    ASSERT_EQ(table_.query(kBase + i * kPageSize), std::nullopt);
    ASSERT_EQ(frame_at(to + i * kPageSize), Gfn(100 + i));
  }
  EXPECT_TRUE(table_.query(to + kPageSize)->dirty);
  EXPECT_FALSE(table_.query(to)->dirty);
  EXPECT_EQ(memory_.live(), table_.table_pages());
}

TEST_F(PageTableTest, MoveOntoALeafChangesNothing) {
  map_all(kBase, 100, 4, kRW);
  const Gva to = kBase + kGiB1;
  ASSERT_TRUE(table_.map(to + 3 * kPageSize, Gfn(5), kR));
  memory_.forget();
  InvalidationBatch batch;
  EXPECT_EQ(table_.move(pages(kBase, 4), to, batch).error(), Error::Exists);
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(memory_.history().empty());
}

TEST_F(PageTableTest, MoveOfASparseTerabyteIsCheap) {
  const Gva to(0x0100'0000'0000);
  ASSERT_TRUE(table_.map(Gva(0x10'0000'0000), Gfn(1), kRW));
  ASSERT_TRUE(table_.map(Gva(0x80'0000'0000), Gfn(2), kRW));
  InvalidationBatch batch;
  ASSERT_TRUE(table_.move({Gva(0x1'0000'0000), Gva(0xf0'0000'0000)}, to, batch));
  EXPECT_EQ(settle(batch).stale.size(), 2u);
  EXPECT_EQ(frame_at(to + (0x10'0000'0000 - 0x1'0000'0000)), Gfn(1));
  EXPECT_EQ(frame_at(to + (0x80'0000'0000 - 0x1'0000'0000)), Gfn(2));
}

TEST_F(PageTableTest, ForEachVisitsInOrder) {
  map_all(kBase + kMiB2 - kPageSize, 100, 3, kRW);
  ASSERT_TRUE(table_.map(kBase + kGiB1, Gfn(200), kR));
  std::vector<Gfn> seen;
  table_.for_each({kBase + kMiB2, kBase + 2 * kGiB1}, [&](Gva, const Mapping &m) { seen.push_back(m.frame); });
  EXPECT_EQ(seen, (std::vector{Gfn(101), Gfn(102), Gfn(200)}));
}

// A processor that sets A and D between our reading an entry and changing it.
TEST_F(PageTableTest, AccessedAndDirtyAreNeverLost) {
  map_all(kBase, 100, 3, kRW);
  memory_.before_atomic = [](std::uint64_t &entry) {
    if ((entry & X86_64::kPresent) != 0) entry |= X86_64::kAccessed | X86_64::kDirty;
  };
  InvalidationBatch batch;
  table_.protect(pages(kBase, 1), kR, batch);
  EXPECT_TRUE(table_.query(kBase)->dirty && table_.query(kBase)->accessed);
  EXPECT_EQ(prot_at(kBase), kR);
  bool dirty = false;
  table_.unmap(pages(kBase + kPageSize, 1), batch, [&](Gva, const Mapping &m) { dirty = m.dirty; });
  EXPECT_TRUE(dirty);
  ASSERT_TRUE(table_.move(pages(kBase + 2 * kPageSize, 1), kBase + kGiB1, batch));
  EXPECT_TRUE(table_.query(kBase + kGiB1)->dirty);
  settle(batch);
}

TEST_F(PageTableTest, LargeLeavesAreUnderstood) {
  plant_large(kBase, Gpa(0x4000'0000), 2, kRW);
  EXPECT_EQ(table_.query(kBase + 5 * kPageSize), (Mapping{.frame = Gfn(0x40005), .prot = kRW, .level = 2}));
  EXPECT_EQ(table_.map(kBase + kPageSize, Gfn(1), kR).error(), Error::Exists);
  InvalidationBatch batch;
  EXPECT_EQ(table_.replace(kBase + kPageSize, Gfn(1), kR, batch).error(), Error::Unsupported);
  table_.protect({kBase, kBase + kMiB2}, kR, batch);
  auto owed = settle(batch);
  ASSERT_EQ(owed.stale.size(), 1u);
  EXPECT_EQ(owed.stale[0].frames, 512u);
  EXPECT_EQ(table_.move({kBase, kBase + kMiB2}, kBase + kGiB1 + kPageSize, batch).error(), Error::Unsupported);
  ASSERT_TRUE(table_.move({kBase, kBase + kMiB2}, kBase + kGiB1, batch));
  EXPECT_EQ(frame_at(kBase + kGiB1 + kPageSize), Gfn(0x40001));
  std::vector<unsigned> levels;
  table_.unmap({kBase, kBase + 2 * kGiB1}, batch, [&](Gva, const Mapping &m) { levels.push_back(m.level); });
  EXPECT_EQ(levels, (std::vector{1u, 2u}));
  settle(batch);
  EXPECT_EQ(table_.table_pages(), 1u);
}

TEST_F(PageTableDeathTest, CuttingALargeLeafEndsTheProcess) {
  plant_large(kBase, Gpa(0x4000'0000), 2, kRW);
  InvalidationBatch batch;
  EXPECT_DEATH(table_.unmap(pages(kBase, 1), batch, [](Gva, const Mapping &) {}), "cuts a large leaf");
}

TEST_F(PageTableTest, SharedTopEntriesAreLeftAlone) {
  const Gva kernel(0xffff'ff80'0000'0000);
  Table upper = *Table::create(memory_);
  ASSERT_TRUE(upper.map(kernel, Gfn(0x55), Prot::Read));
  const std::uint64_t entry = memory_.load(upper.root(), 511);
  table_.share_top_entry(511, entry);
  EXPECT_EQ(frame_at(kernel), Gfn(0x55));
  EXPECT_EQ(table_.map(kernel + kPageSize, Gfn(1), kR).error(), Error::Denied);
  InvalidationBatch batch;
  EXPECT_EQ(table_.replace(kernel, Gfn(1), kR, batch).error(), Error::Denied);
  EXPECT_EQ(table_.move(pages(kernel, 1), kBase, batch).error(), Error::Denied);
  table_.unmap(pages(kernel, 1), batch, [](Gva, const Mapping &) { FAIL(); });
  table_.protect(pages(kernel, 1), kR, batch);
  EXPECT_TRUE(batch.empty());
  map_all(kBase, 100, 3, kRW);
  table_.destroy(batch, [](Gva, const Mapping &m) { EXPECT_NE(m.frame, Gfn(0x55)); });
  EXPECT_EQ(settle(batch).tables.size(), 4u);
  destroyed_ = true;
  EXPECT_EQ(upper.query(kernel)->frame, Gfn(0x55));
  upper.destroy(batch, [](Gva, const Mapping &) {});
  settle(batch);
  EXPECT_EQ(memory_.live(), 0u);
}

TEST_F(PageTableDeathTest, MustBeDestroyedWhileItMaps) {
  EXPECT_DEATH(
      {
        Table other = *Table::create(memory_);
        ASSERT_TRUE(other.map(kBase, Gfn(1), kR));
      },
      "ends with mappings");
}

TEST_F(PageTableTest, AnEmptyOneMayJustEnd) {
  const std::size_t live = memory_.live();
  {
    Table other = *Table::create(memory_);
    Table moved = std::move(other);
    EXPECT_EQ(memory_.live(), live + 1);
  }
  EXPECT_EQ(memory_.live(), live);
}

} // namespace
} // namespace pagoda::table
