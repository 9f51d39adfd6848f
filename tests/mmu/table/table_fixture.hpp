// A page table over a recording memory, with the questions that the tests of page_table.hpp ask.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/table/page_table.hpp"
#include "mmu/table/x86_64.hpp"
#include "tests/support/recording_table_memory.hpp"

namespace pagoda::table {

inline constexpr Prot kR = Prot::Read | Prot::User;
inline constexpr Prot kRW = kR | Prot::Write;
inline constexpr Prot kRX = kR | Prot::Execute;

inline constexpr std::uint64_t kMiB2 = 2ull << 20;
inline constexpr std::uint64_t kGiB1 = 1ull << 30;

class TableTest : public testing::Test {
protected:
  using Memory = test::RecordingTableMemory;
  using Table = PageTable<X86_64, Memory>;
  using View = std::map<Gva, std::optional<Mapping>>;

  Memory memory_;
  Table table_ = *Table::create(memory_);
  bool destroyed_ = false;

  void TearDown() override {
    if (destroyed_) return;
    InvalidationBatch batch;
    table_.destroy(batch, [](Gva, const Mapping &) {});
    settle(batch);
    EXPECT_EQ(memory_.live(), 0u) << "a table page leaked";
  }

  static std::vector<Gfn> frames(std::uint64_t first, std::size_t count) {
    std::vector<Gfn> result;
    result.reserve(count);
    for (std::size_t i = 0; i < count; ++i) result.push_back(Gfn(first + i));
    return result;
  }
  static GvaRange pages(Gva begin, std::uint64_t count) { return {begin, begin + count * kPageSize}; }
  void map_all(Gva gva, std::uint64_t first, std::size_t count, Prot prot) {
    const std::vector<Gfn> list = frames(first, count);
    ASSERT_EQ(table_.map_run(gva, list, prot, [](Gva, Gfn) { FAIL() << "nothing was there"; }), count);
  }

  // What a consumer does, without a processor: the retired tables go back.
  InvalidationBatch::Contents settle(InvalidationBatch &batch) {
    InvalidationBatch::Contents contents = batch.consume();
    for (Gfn table : contents.tables) memory_.release(table);
    return contents;
  }

  // The mappings as the walker sees them, without A and D.
  static View view(const Memory::Tables &tables, Gfn root, const std::vector<Gva> &watched) {
    View result;
    for (Gva gva : watched) {
      Walk walk = Memory::walk(tables, root, gva);
      EXPECT_TRUE(walk.end == WalkEnd::Leaf || walk.end == WalkEnd::Hole) << describe(walk);
      if (walk.mapping) walk.mapping->accessed = walk.mapping->dirty = false;
      result[gva] = walk.mapping;
    }
    return result;
  }
  View view(const std::vector<Gva> &watched) const { return view(memory_.tables(), table_.root(), watched); }

  std::optional<Prot> prot_at(Gva gva) const {
    const std::optional<Mapping> found = table_.query(gva);
    return found ? std::optional(found->prot) : std::nullopt;
  }
  std::optional<Gfn> frame_at(Gva gva) const {
    const std::optional<Mapping> found = table_.query(gva);
    return found ? std::optional(found->frame) : std::nullopt;
  }
  // Sets bits in the leaf as a processor would.
  void touch(Gva gva, std::uint64_t bits) {
    const Walk walk = memory_.walk(table_.root(), gva);
    ASSERT_EQ(walk.end, WalkEnd::Leaf);
    const Step &leaf = walk.steps[walk.count - 1];
    memory_.store(leaf.table, leaf.index, leaf.entry | bits);
  }
  // Puts a large leaf where nothing is, at level 2 or 3, by hand.
  void plant_large(Gva gva, Gpa gpa, unsigned level, Prot prot) {
    ASSERT_TRUE(table_.map(gva + span_of<X86_64>(level), Gfn(0x99), kR)) << "its neighbour makes the tables";
    const Walk walk = memory_.walk(table_.root(), gva);
    const Step &hole = walk.steps[walk.count - 1];
    ASSERT_EQ(hole.level, level);
    memory_.store(hole.table, hole.index, X86_64::leaf(gpa, prot, level));
  }
};

} // namespace pagoda::table
