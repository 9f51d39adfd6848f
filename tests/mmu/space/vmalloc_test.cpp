#include "mmu/space/vmalloc.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <random>
#include <sys/mman.h>
#include <vector>

#include <gtest/gtest.h>

#include "mmu/base/failpoint.hpp"
#include "tests/support/kernel_memory.hpp"

namespace pagoda::space {
namespace {

using phys::Gfp;
using test::KernelMemory;

class VmallocTest : public testing::Test {
protected:
  KernelMemory memory_{64ull << 20};
  phys::NamedCache descriptors_{memory_.registry, "vmap_area"};
  Vmalloc vmalloc_{*memory_.arena, &descriptors_, 1ull << 30};

  // Frames that are not those of the descriptors.
  [[nodiscard]] std::uint64_t frames() const {
    return memory_.arena->in_use() - memory_.registry.totals().unreclaimable;
  }
};

// Pages of the host process that are in memory.
std::size_t resident(const std::byte *begin, std::size_t bytes) {
  std::vector<unsigned char> pages(bytes / kPageSize);
  if (mincore(const_cast<std::byte *>(begin), bytes, pages.data()) != 0) return ~std::size_t{0};
  return std::size_t(std::count_if(pages.begin(), pages.end(), [](unsigned char each) { return (each & 1) != 0; }));
}

TEST_F(VmallocTest, IsContiguousWhereFramesAreNot) {
  // Every second frame of a stretch: no two are neighbours.
  std::vector<std::byte *> stretch(2000), others;
  ASSERT_EQ(memory_.arena->allocate_bulk(stretch, Gfp::Kernel), stretch.size());
  std::ranges::sort(stretch);
  std::vector<std::byte *> rest;
  while (const auto block = memory_.arena->allocate(0, phys::FrameKind::Kernel, Gfp::Kernel, 0)) rest.push_back(*block);
  for (std::size_t i = 0; i < stretch.size(); ++i)
    if (i % 2 == 0)
      memory_.arena->free(stretch[i], 0);
    else
      others.push_back(stretch[i]);
  ASSERT_FALSE(memory_.arena->allocate(1, phys::FrameKind::Kernel, Gfp::Kernel, 0)) << "no block of two frames is left";

  std::byte *area = vmalloc_.allocate(500 * kPageSize).value();
  for (std::size_t i = 0; i < 500 * kPageSize / 8; ++i) reinterpret_cast<std::uint64_t *>(area)[i] = i * 3;
  for (std::size_t i = 0; i < 500 * kPageSize / 8; ++i) ASSERT_EQ(reinterpret_cast<std::uint64_t *>(area)[i], i * 3);
  EXPECT_EQ(vmalloc_.invariant(), "");
  EXPECT_TRUE(vmalloc_.free(area));
  for (std::byte *frame : others) memory_.arena->free(frame, 0);
  for (std::byte *frame : rest) memory_.arena->free(frame, 0);
}

TEST_F(VmallocTest, IsMappedWhenFirstTouched) {
  std::byte *area = vmalloc_.allocate(256 * kPageSize).value();
  EXPECT_EQ(resident(area, 256 * kPageSize), 0u);
  area[7 * kPageSize] = std::byte{1};
  EXPECT_EQ(resident(area, 256 * kPageSize), 1u);
  EXPECT_EQ(frames(), 256u) << "charged from the beginning";
  EXPECT_TRUE(vmalloc_.free(area));
}

TEST_F(VmallocTest, ReadsAsZeroOnRequest) {
  std::byte *area = vmalloc_.allocate(50 * kPageSize).value();
  std::memset(area, 0xff, 50 * kPageSize);
  ASSERT_TRUE(vmalloc_.free(area));
  area = vmalloc_.allocate(50 * kPageSize, Gfp::Kernel | Gfp::Zero).value();
  EXPECT_TRUE(std::all_of(area, area + 50 * kPageSize, [](std::byte each) { return each == std::byte{0}; }));
  EXPECT_TRUE(vmalloc_.free(area));
}

TEST_F(VmallocTest, HasAGuardPageBehindEachArea) {
  std::byte *first = vmalloc_.allocate(3 * kPageSize).value();
  std::byte *second = vmalloc_.allocate(kPageSize).value();
  EXPECT_EQ(second, first + 4 * kPageSize);
  EXPECT_DEATH(first[3 * kPageSize] = std::byte{1}, "");
  EXPECT_TRUE(vmalloc_.free(first));
  EXPECT_DEATH(first[0] = std::byte{1}, "") << "a freed area is gone";
  EXPECT_TRUE(vmalloc_.free(second));
}

TEST_F(VmallocTest, RandomOperationsAgainstAModel) {
  struct Area {
    std::byte *begin;
    std::size_t pages;
    std::byte stamp;
  };
  std::vector<Area> areas;
  std::mt19937 random(1);
  std::uint64_t pages = 0;
  for (unsigned step = 0; step < 400; ++step) {
    if (random() % 5 < 3 && areas.size() < 40) {
      const std::size_t bytes = 1 + random() % (40 * kPageSize);
      std::byte *begin = vmalloc_.allocate(bytes).value();
      areas.push_back({begin, (bytes + kPageSize - 1) / kPageSize, std::byte(step)});
      std::memset(begin, int(step & 0xff), areas.back().pages * kPageSize);
      pages += areas.back().pages;
    } else if (!areas.empty()) {
      const std::size_t index = random() % areas.size();
      const Area area = areas[index];
      ASSERT_EQ(vmalloc_.size_of(area.begin), area.pages * kPageSize);
      ASSERT_TRUE(std::all_of(area.begin, area.begin + area.pages * kPageSize,
                              [&](std::byte each) { return each == area.stamp; }));
      ASSERT_TRUE(vmalloc_.free(area.begin));
      EXPECT_EQ(vmalloc_.free(area.begin).error(), Error::NotMapped);
      pages -= area.pages;
      areas.erase(areas.begin() + std::ptrdiff_t(index));
    }
    ASSERT_EQ(vmalloc_.used_bytes(), pages * kPageSize);
    ASSERT_EQ(frames(), pages);
  }
  EXPECT_EQ(vmalloc_.invariant(), "");
  const std::vector<VmallocFigures> figures = vmalloc_.figures();
  EXPECT_EQ(figures.size(), areas.size());
  for (const Area &area : areas) {
    EXPECT_TRUE(vmalloc_.contains(area.begin + area.pages * kPageSize - 1));
    EXPECT_FALSE(vmalloc_.contains(area.begin + area.pages * kPageSize));
    EXPECT_TRUE(vmalloc_.free(area.begin));
  }
  EXPECT_EQ(vmalloc_.used_bytes(), 0u);
}

TEST_F(VmallocTest, RunsShortAtEveryStep) {
  for (std::uint64_t n = 1; n <= 30; ++n) {
    failpoint::frame_allocation.fail_at(n);
    const auto area = vmalloc_.allocate(20 * kPageSize);
    failpoint::frame_allocation.fail_at(0);
    if (n <= 20) { EXPECT_EQ(area.error(), Error::OutOfMemory) << n; }
    EXPECT_EQ(vmalloc_.invariant(), "");
    if (area) { EXPECT_TRUE(vmalloc_.free(*area)); }
    EXPECT_EQ(frames(), 0u);
  }
}

TEST_F(VmallocTest, RefusesWhatCannotBe) {
  EXPECT_EQ(vmalloc_.allocate(0).error(), Error::Invalid);
  EXPECT_EQ(vmalloc_.allocate(~0ull).error(), Error::Invalid);
  EXPECT_EQ(vmalloc_.allocate(1ull << 40).error(), Error::OutOfMemory);
  EXPECT_EQ(vmalloc_.free(nullptr).error(), Error::NotMapped);
  Vmalloc small(*memory_.arena, nullptr, 8 * kPageSize);
  std::byte *area = small.allocate(5 * kPageSize).value();
  EXPECT_EQ(small.allocate(3 * kPageSize).error(), Error::NoSpace);
  EXPECT_EQ(small.free(area + kPageSize).error(), Error::NotMapped);
  EXPECT_TRUE(small.free(area));
  EXPECT_TRUE(small.allocate(7 * kPageSize));
}

} // namespace
} // namespace pagoda::space
