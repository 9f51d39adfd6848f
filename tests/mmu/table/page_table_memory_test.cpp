// Out of memory at every step of every operation that allocates, and the real table memory.
#include <atomic>
#include <random>

#include "mmu/base/failpoint.hpp"
#include "mmu/table/phys_table_memory.hpp"
#include "tests/mmu/table/table_fixture.hpp"
#include "tests/support/limited_memory.hpp"

namespace pagoda::table {
namespace {

class OutOfMemoryTest : public TableTest {
protected:
  static constexpr Gva kBase{0x7f00'0000'0000};
  static constexpr Gva kEdge{0x4080'0000'0000 - 2 * kPageSize}; // near a boundary of every level
  std::vector<Gva> watched_;

  void SetUp() override {
    for (Gva base : {kBase, kEdge})
      for (std::uint64_t i = 0; i < 8; ++i) watched_.push_back(base + i * kPageSize);
  }

  // Lets allocation 1, 2, … fail until the operation succeeds; returns how many it needs.
  template <class Operation> unsigned fail_each_step(Operation &&operation) {
    for (unsigned n = 1;; ++n) {
      const View before = view(watched_);
      const std::size_t live = memory_.live();
      const std::uint64_t pages = table_.table_pages();
      memory_.forget();
      memory_.fail_at(n);
      const std::optional<Error> error = operation();
      memory_.fail_at(0);
      if (!error) return n - 1;
      EXPECT_EQ(*error, Error::OutOfMemory);
      EXPECT_EQ(view(watched_), before) << "the old mapping stays";
      EXPECT_TRUE(memory_.history().empty()) << "nothing was stored";
      EXPECT_EQ(memory_.live(), live) << "no table leaked";
      EXPECT_EQ(table_.table_pages(), pages);
      if (testing::Test::HasFailure() || n > 20) return n;
    }
  }
};

TEST_F(OutOfMemoryTest, Create) {
  memory_.fail_at(1);
  EXPECT_EQ(Table::create(memory_).error(), Error::OutOfMemory);
}

TEST_F(OutOfMemoryTest, Map) {
  const unsigned needed = fail_each_step([&]() -> std::optional<Error> {
    if (Result<> done = table_.map(kBase, Gfn(1), kRW); !done) return done.error();
    return std::nullopt;
  });
  EXPECT_EQ(needed, 3u);
}

TEST_F(OutOfMemoryTest, MapRun) {
  ASSERT_TRUE(table_.map(kEdge, Gfn(9), kR)); // the lower side of the boundary has tables
  const std::vector<Gfn> list = frames(100, 8);
  unsigned skipped = 0;
  const unsigned needed = fail_each_step([&]() -> std::optional<Error> {
    const Result<std::size_t> done = table_.map_run(kEdge, list, kRW, [&](Gva, Gfn) { ++skipped; });
    if (!done) return done.error();
    EXPECT_EQ(*done, 7u);
    return std::nullopt;
  });
  EXPECT_EQ(needed, 3u);
  EXPECT_EQ(skipped, 1u) << "failed attempts skip nothing";
}

TEST_F(OutOfMemoryTest, Move) {
  map_all(kBase, 100, 8, kRW);
  InvalidationBatch batch;
  const unsigned needed = fail_each_step([&]() -> std::optional<Error> {
    const Result<> done = table_.move(pages(kBase, 8), kEdge, batch);
    EXPECT_EQ(done.has_value(), !batch.empty());
    return done ? std::nullopt : std::optional(done.error());
  });
  EXPECT_EQ(needed, 6u) << "three on each side of the boundary";
  settle(batch);
}

TEST(PhysTableMemory, LosesNoFrame) {
  test::LimitedMemory memory(8 << 20);
  PhysTableMemory tables(*memory, 3);
  {
    auto table = *PageTable<X86_64, PhysTableMemory>::create(tables);
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(table.map(Gva((random() % 0x7fff'0000ull) << 16), Gfn(5), kRW));
    const phys::Counters now = memory->counters();
    EXPECT_EQ(now.by_kind[unsigned(phys::FrameKind::Table)], table.table_pages());
    EXPECT_EQ(memory->frame(table.root()).owner, 3u);
    InvalidationBatch batch;
    std::size_t leaves = 0;
    table.destroy(batch, [&](Gva, const Mapping &) { ++leaves; });
    EXPECT_EQ(leaves, 300u);
    for (Gfn each : batch.consume().tables) memory->put(each);
  }
  EXPECT_EQ(memory.in_use(), 0u);
  EXPECT_EQ(memory->counters().refused_frees, 0u);
  EXPECT_EQ(memory->invariant(), "");
}

TEST(PhysTableMemory, EndsCleanlyWhenTheGuestIsFull) {
  test::LimitedMemory memory(64 << 10); // 15 frames
  PhysTableMemory tables(*memory, 1);
  auto table = *PageTable<X86_64, PhysTableMemory>::create(tables);
  std::uint64_t mapped = 0;
  Result<> last;
  while ((last = table.map(Gva(mapped << 39), Gfn(1), kRW))) ++mapped;
  EXPECT_EQ(last.error(), Error::OutOfMemory);
  EXPECT_EQ(mapped, 4u) << "a root and three tables for each";
  EXPECT_EQ(memory.in_use(), table.table_pages());
  InvalidationBatch batch;
  table.destroy(batch, [](Gva, const Mapping &) {});
  for (Gfn each : batch.consume().tables) memory->put(each);
  EXPECT_EQ(memory.in_use(), 0u);
}

TEST(PhysTableMemory, TheFailpointIsItsOwn) {
  test::LimitedMemory memory(1 << 20);
  PhysTableMemory tables(*memory, 1);
  failpoint::table_allocation.fail_at(1);
  EXPECT_TRUE(memory->allocate(0, phys::FrameKind::Anonymous, 1));
  EXPECT_EQ(tables.allocate().error(), Error::OutOfMemory);
  const Gfn table = *tables.allocate();
  EXPECT_EQ(memory->frame(table).kind, phys::FrameKind::Table);
  std::uint64_t expected = 5;
  EXPECT_FALSE(tables.compare_exchange(table, 511, expected, 6));
  EXPECT_EQ(expected, 0u);
  EXPECT_TRUE(tables.compare_exchange(table, 511, expected, 6));
  EXPECT_EQ(tables.exchange(table, 511, 7), 6u);
  EXPECT_EQ(tables.load(table, 511), 7u);
}

} // namespace
} // namespace pagoda::table
