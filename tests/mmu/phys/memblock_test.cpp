#include "mmu/phys/memblock.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace pagoda::phys {
namespace {

GpaRange at(std::uint64_t begin, std::uint64_t end) { return {Gpa(begin), Gpa(end)}; }

TEST(Memblock, AddsReservesAndHandsOver) {
  Memblock boot;
  EXPECT_TRUE(boot.add(at(0, 0x10000)));
  EXPECT_TRUE(boot.add(at(0x20000, 0x40000)));
  EXPECT_EQ(boot.add(at(0x8000, 0x9000)).error(), Error::Exists);
  EXPECT_EQ(boot.add(at(0x1f000, 0x20001)).error(), Error::Exists);
  EXPECT_EQ(boot.add(at(5, 5)).error(), Error::Invalid);
  boot.reserve(at(0, 0x1000));
  boot.reserve(at(0xf800, 0x20010)); // over the gap
  EXPECT_EQ(boot.invariant(), "");
  EXPECT_EQ(boot.reserved_bytes(), 0x1000u + 0x800 + 0x10);
  EXPECT_EQ(boot.reserved(), (std::vector{at(0, 0x1000), at(0xf800, 0x10000), at(0x20000, 0x20010)}));
  EXPECT_TRUE(boot.is_reserved(Gpa(0xfff)));
  EXPECT_FALSE(boot.is_reserved(Gpa(0x1000)));
  EXPECT_FALSE(boot.is_reserved(Gpa(0x15000))) << "no memory there";
  // Whole frames alone.
  EXPECT_EQ(boot.hand_over({Gfn(0), Gfn(0x30)}), (std::vector<GfnRange>{{Gfn(1), Gfn(0xf)}, {Gfn(0x21), Gfn(0x30)}}));
  EXPECT_EQ(boot.hand_over({Gfn(0), Gfn(0x30)}), std::vector<GfnRange>{}) << "once";
  EXPECT_EQ(boot.invariant(), "");
}

TEST(Memblock, TheFitChoosesTheHole) {
  const auto with_holes = [] {
    Memblock boot; // holes of 3, 2 and 5 pages
    (void)boot.add(at(0, 0x10000));
    boot.reserve(at(0x3000, 0x5000));
    boot.reserve(at(0x7000, 0xb000));
    return boot;
  };
  Memblock first = with_holes(), best = with_holes(), worst = with_holes();
  EXPECT_EQ(first.allocate(0x2000, 0x1000, Fit::First), Gpa(0));
  EXPECT_EQ(best.allocate(0x2000, 0x1000, Fit::Best), Gpa(0x5000));
  EXPECT_EQ(worst.allocate(0x2000, 0x1000, Fit::Worst), Gpa(0xb000));
  EXPECT_EQ(best.hole_count(), 2u);
  EXPECT_EQ(worst.largest_hole(), 0x3000u);
  EXPECT_EQ(first.allocate(0x1000, 0x10000, Fit::Best).error(), Error::OutOfMemory) << "no aligned place";
  EXPECT_EQ(first.allocate(0x1000, 0x1000, Fit::Worst, Gpa(0x6000)), Gpa(0x5000)) << "below the limit";
}

TEST(Memblock, RefusesNonsense) {
  Memblock boot;
  (void)boot.add(at(0x1000, 0x9000));
  EXPECT_EQ(boot.allocate(0, 1).error(), Error::Invalid);
  EXPECT_EQ(boot.allocate(1, 3).error(), Error::Invalid);
  EXPECT_EQ(boot.allocate(~0ull, 1).error(), Error::OutOfMemory);
  EXPECT_EQ(boot.allocate(16, 1ull << 63).error(), Error::OutOfMemory);
  EXPECT_EQ(boot.free(at(0x2000, 0x3000)).error(), Error::Invalid) << "free already";
  EXPECT_EQ(boot.free(at(0, 0x1000)).error(), Error::Invalid) << "no memory";
  const Gpa had = *boot.allocate(0x3000, 1);
  EXPECT_EQ(boot.free({had, had + 0x3001}).error(), Error::Invalid) << "more than was had";
  EXPECT_TRUE(boot.free({had, had + 0x3000}));
  EXPECT_EQ(boot.hole_count(), 1u) << "holes join";
  EXPECT_EQ(boot.invariant(), "");
}

TEST(Memblock, RandomOperationsAgainstBytes) {
  for (Fit fit : {Fit::First, Fit::Best, Fit::Worst}) {
    Memblock boot;
    (void)boot.add(at(0, 2000));
    (void)boot.add(at(2000, 3000));
    (void)boot.add(at(3500, 4096));
    std::vector<bool> taken(4096);
    std::vector<GpaRange> held;
    std::mt19937 random(7);
    for (int step = 0; step < 2000; ++step) {
      if (held.empty() || random() % 5 < 3) {
        const std::uint64_t bytes = 1 + random() % 200, align = 1ull << random() % 6;
        const Result<Gpa> got = boot.allocate(bytes, align, fit);
        if (!got) continue;
        ASSERT_EQ(got->value() % align, 0u);
        for (std::uint64_t i = got->value(); i < got->value() + bytes; ++i) {
          ASSERT_FALSE(taken[i]);
          ASSERT_FALSE(i >= 3000 && i < 3500);
          taken[i] = true;
        }
        held.push_back({*got, *got + bytes});
      } else {
        std::swap(held[random() % held.size()], held.back());
        ASSERT_TRUE(boot.free(held.back()));
        for (std::uint64_t i = held.back().begin.value(); i < held.back().end.value(); ++i) taken[i] = false;
        held.pop_back();
      }
      ASSERT_EQ(boot.invariant(), "") << step;
      ASSERT_EQ(boot.reserved_bytes(), std::uint64_t(std::count(taken.begin(), taken.end(), true)));
    }
  }
}

} // namespace
} // namespace pagoda::phys
