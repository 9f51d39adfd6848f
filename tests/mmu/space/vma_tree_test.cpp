#include "mmu/space/vma_tree.hpp"

#include <array>
#include <gtest/gtest.h>
#include <random>

#include "tests/mmu/space/fake_file.hpp"

namespace pagoda::space {
namespace {

constexpr std::size_t kPages = 96;
constexpr Gva kBase{0x100000};

Gva at(std::size_t page) { return kBase + page * kPageSize; }
GvaRange span(std::size_t first, std::size_t last) { return {at(first), at(last)}; }

// What a tree says of one page, page by page: no structure that could be wrong the same way.
struct PageModel {
  bool mapped = false;
  Prot prot = Prot::None;
  FileStore *file = nullptr;
  std::uint64_t offset = 0;
};
using Model = std::array<PageModel, kPages>;

void expect_same(const VmaTree &tree, const Model &model) {
  ASSERT_EQ(tree.invariant(), "");
  std::uint64_t mapped = 0;
  for (std::size_t page = 0; page < kPages; ++page) {
    const Vma *area = tree.find(at(page) + 5);
    ASSERT_EQ(area != nullptr, model[page].mapped) << page;
    if (area == nullptr) continue;
    mapped += kPageSize;
    ASSERT_EQ(area->prot, model[page].prot) << page;
    ASSERT_EQ(area->file.get(), model[page].file) << page;
    if (model[page].file != nullptr) { ASSERT_EQ(area->offset_of(at(page)), model[page].offset) << page; }
  }
  ASSERT_EQ(tree.total_bytes(), mapped);
}

class Walk {
public:
  explicit Walk(unsigned seed) : random_(seed) {}

  void step() {
    const std::size_t first = pick(kPages), last = first + 1 + pick(kPages - first);
    switch (pick(4)) {
    case 0: insert(first, last); break;
    case 1: remove(first, last); break;
    case 2: protect(first, last); break;
    default: grow(first); break;
    }
    expect_same(tree_, model_);
    expect_queries(first, last);
  }

private:
  std::size_t pick(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool free(std::size_t first, std::size_t last) const {
    for (std::size_t page = first; page < last; ++page)
      if (model_[page].mapped) return false;
    return true;
  }

  void insert(std::size_t first, std::size_t last) {
    ASSERT_EQ(tree_.overlaps(span(first, last)), !free(first, last));
    if (!free(first, last)) return;
    Vma area;
    area.range = span(first, last);
    area.prot = pick(2) != 0 ? Prot::Read : Prot::Read | Prot::Write;
    // Offsets that equal addresses make file areas continue each other, others do not.
    if (pick(2) != 0) {
      area.file = files_[pick(2)];
      area.file_offset = area.range.begin.value() + pick(2) * kPageSize;
    }
    for (std::size_t page = first; page < last; ++page)
      model_[page] = {true, area.prot, area.file.get(), area.file ? area.offset_of(at(page)) : 0};
    tree_.insert(area);
  }
  void remove(std::size_t first, std::size_t last) {
    std::uint64_t bytes = 0;
    for (const Vma &area : tree_.remove(span(first, last))) {
      ASSERT_TRUE(span(first, last).contains(area.range));
      bytes += area.range.length();
    }
    for (std::size_t page = first; page < last; ++page) {
      if (model_[page].mapped) bytes -= kPageSize;
      model_[page] = {};
    }
    ASSERT_EQ(bytes, 0u);
  }
  void protect(std::size_t first, std::size_t last) {
    const Prot prot = pick(2) != 0 ? Prot::Read : Prot::Read | Prot::Write;
    tree_.update(span(first, last), [&](Vma &area) { area.prot = prot; });
    for (std::size_t page = first; page < last; ++page)
      if (model_[page].mapped) model_[page].prot = prot;
  }
  void grow(std::size_t page) {
    const Vma *area = tree_.find_at_or_above(at(page));
    if (area == nullptr || area->range.begin <= at(page) || area->has_offset()) return;
    const Prot prot = area->prot;
    for (std::size_t p = page; at(p) < area->range.begin; ++p) model_[p] = {true, prot, nullptr, 0};
    tree_.grow_down(area->range.begin, at(page));
  }
  void expect_queries(std::size_t first, std::size_t last) {
    std::uint64_t bytes = 0;
    for (std::size_t page = first; page < last; ++page) bytes += model_[page].mapped ? kPageSize : 0;
    ASSERT_EQ(tree_.mapped_bytes(span(first, last)), bytes);
    ASSERT_EQ(tree_.covers(span(first, last)), bytes == span(first, last).length());
    const Vma *below = tree_.below(at(first));
    std::size_t page = first;
    while (page > 0 && !(model_[page - 1].mapped && (below == nullptr || below->range.end == at(page)))) --page;
    if (below != nullptr) {
      ASSERT_LE(below->range.end, at(first));
      for (std::size_t p = first; p > 0 && at(p - 1) >= below->range.end; --p)
        ASSERT_TRUE(!model_[p - 1].mapped || tree_.find(at(p - 1))->range.contains(at(first)));
    }
    const std::size_t length = 1 + pick(8);
    const auto gap = tree_.highest_gap(length * kPageSize, span(first, last), kPageSize);
    std::optional<Gva> expected;
    for (std::size_t p = first; p + length <= last; ++p)
      if (free(p, p + length)) expected = at(p);
    ASSERT_EQ(gap, expected);
  }

  std::mt19937 random_;
  VmaTree tree_;
  Model model_{};
  std::array<std::shared_ptr<FileStore>, 2> files_{std::make_shared<test::FakeFile>(1 << 30),
                                                   std::make_shared<test::FakeFile>(1 << 30)};
};

TEST(VmaTree, RandomOperationsAgreeWithAnArrayOfPages) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Walk walk(seed);
    for (int step = 0; step < 300; ++step) {
      walk.step();
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
  }
}

TEST(VmaTree, TheGuardGapOfAStackIsNotAGap) {
  VmaTree tree;
  Vma stack;
  stack.range = {Gva(0x7000000), Gva(0x7010000)};
  stack.grows_down = true;
  tree.insert(stack);
  const Gva guard = stack.range.begin - kStackGuardPages * kPageSize;
  EXPECT_EQ(tree.highest_gap(kPageSize, {Gva(0x10000), stack.range.end}, kPageSize), guard - kPageSize);
  EXPECT_EQ(tree.highest_gap(kPageSize, {Gva(0x10000), stack.range.begin}, kPageSize), guard - kPageSize);
  EXPECT_FALSE(tree.placeable({guard, guard + kPageSize}));
  EXPECT_TRUE(tree.placeable({guard - kPageSize, guard}));
}

TEST(VmaTree, GapsAreAligned) {
  VmaTree tree;
  Vma area;
  area.range = {Gva(0x7ff000), Gva(0x800000)};
  tree.insert(area);
  EXPECT_EQ(tree.highest_gap(kPageSize, {Gva(0x10000), Gva(0x800000)}, 0x200000), Gva(0x600000));
  EXPECT_EQ(tree.highest_gap(0x300000, {Gva(0x10000), Gva(0x800000)}, 0x200000), Gva(0x400000));
  EXPECT_EQ(tree.highest_gap(0x900000, {Gva(0x10000), Gva(0x800000)}, 0x200000), std::nullopt);
  EXPECT_EQ(tree.highest_gap(~0ull & ~kPageMask, {Gva(0x10000), Gva(0x800000)}, kPageSize), std::nullopt);
}

TEST(Vma, AreasOfOneFileContinueEachOtherOnlyAtTheNextOffset) {
  Vma low, high;
  low.file = high.file = std::make_shared<test::FakeFile>(1 << 20);
  low.range = {Gva(0x1000), Gva(0x3000)};
  high.range = {Gva(0x3000), Gva(0x4000)};
  low.file_offset = 0x8000;
  high.file_offset = 0xa000;
  EXPECT_TRUE(low.continues_into(high));
  high.file_offset = 0xb000;
  EXPECT_FALSE(low.continues_into(high));
  high.file_offset = 0xa000;
  high.no_reserve = true;
  EXPECT_FALSE(low.continues_into(high));
}

} // namespace
} // namespace pagoda::space
