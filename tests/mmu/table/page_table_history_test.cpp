// Every store that an operation makes is replayed: each state in between maps each address as before
// or as after the operation, never in a third way, and never goes back.
#include "tests/mmu/table/table_fixture.hpp"

namespace pagoda::table {
namespace {

class HistoryTest : public TableTest {
protected:
  static constexpr Gva kBase{0x5555'5540'0000 - 4 * kPageSize}; // 4 pages below a 2M boundary
  static constexpr Gva kFar{0x7f00'0000'0000 + kGiB1 - 4 * kPageSize};
  InvalidationBatch batch_;
  std::vector<Gva> watched_;

  void SetUp() override {
    for (Gva base : {kBase, kFar})
      for (std::uint64_t i = 0; i < 16; ++i) watched_.push_back(base + i * kPageSize);
  }

  template <class Operation> void check(Operation &&operation) {
    const Memory::Tables start = memory_.tables();
    const View before = view(watched_);
    memory_.forget();
    operation();
    const View after = view(watched_);
    std::map<Gva, bool> changed;
    std::size_t step = 0;
    memory_.replay(start, [&](const Memory::Tables &state) {
      for (const auto &[gva, now] : view(state, table_.root(), watched_)) {
        if (before.at(gva) == after.at(gva)) {
          EXPECT_EQ(now, after.at(gva)) << "untouched page after store " << step;
        } else if (changed[gva]) {
          EXPECT_EQ(now, after.at(gva)) << "went back after store " << step;
        } else if (now != before.at(gva)) {
          EXPECT_EQ(now, after.at(gva)) << "a third state after store " << step;
          changed[gva] = true;
        }
      }
      ++step;
    });
    EXPECT_GT(step, 0u);
    for (Gva gva : watched_) EXPECT_EQ(changed[gva], before.at(gva) != after.at(gva));
    settle(batch_);
  }
};

TEST_F(HistoryTest, Map) {
  check([&] { ASSERT_TRUE(table_.map(kBase, Gfn(1), kRW)); });
  check([&] { ASSERT_TRUE(table_.map(kBase + kPageSize, Gfn(2), kRX)); });
}

TEST_F(HistoryTest, MapRunIntoNothing) {
  check([&] { map_all(kBase, 100, 16, kRW); });
}

TEST_F(HistoryTest, MapRunAmongOthers) {
  map_all(kBase + 2 * kPageSize, 50, 4, kR);
  check([&] { ASSERT_EQ(table_.map_run(kBase, frames(100, 16), kRW, [](Gva, Gfn) {}), 12u); });
}

// Content first: when a table becomes reachable, its run is in it.
TEST_F(HistoryTest, ATableIsLinkedComplete) {
  memory_.forget();
  map_all(kFar, 100, 4, kRW);
  EXPECT_EQ(memory_.history().back().table, table_.root());
  for (std::size_t i = 0; i + 1 < memory_.history().size(); ++i) EXPECT_NE(memory_.history()[i].table, table_.root());
}

TEST_F(HistoryTest, Replace) {
  map_all(kBase, 100, 16, kR);
  check([&] { ASSERT_TRUE(table_.replace(kBase + 5 * kPageSize, Gfn(7), kRW, batch_)); });
  EXPECT_EQ(memory_.history().size(), 1u);
}

TEST_F(HistoryTest, UnmapPart) {
  map_all(kBase, 100, 16, kRW);
  check([&] { table_.unmap(pages(kBase + kPageSize, 9), batch_, [](Gva, const Mapping &) {}); });
}

TEST_F(HistoryTest, UnmapAll) {
  map_all(kBase, 100, 16, kRW);
  map_all(kFar, 200, 16, kRW);
  check([&] { table_.unmap({Gva(0), Gva(0x7fff'ffff'f000)}, batch_, [](Gva, const Mapping &) {}); });
  EXPECT_EQ(table_.table_pages(), 1u);
}

TEST_F(HistoryTest, Protect) {
  map_all(kBase, 100, 16, kRW);
  check([&] { table_.protect(pages(kBase, 7), kR, batch_); });
  check([&] { table_.protect(pages(kBase + 2 * kPageSize, 7), Prot::None, batch_); });
  check([&] { table_.protect(pages(kBase, 16), kRX, batch_); });
}

TEST_F(HistoryTest, Move) {
  map_all(kBase, 100, 16, kRW);
  check([&] { ASSERT_TRUE(table_.move(pages(kBase, 16), kFar, batch_)); });
  check([&] { ASSERT_TRUE(table_.move(pages(kFar + kPageSize, 3), kBase, batch_)); });
}

} // namespace
} // namespace pagoda::table
