// Bit for bit against the SDM (vol. 3, tables 4-15 to 4-20), with numbers written out by hand.
#include "mmu/table/x86_64.hpp"

#include <gtest/gtest.h>

namespace pagoda::table {
namespace {

constexpr Prot kR = Prot::Read, kW = Prot::Write, kX = Prot::Execute, kU = Prot::User;
constexpr std::uint64_t kXd = 0x8000'0000'0000'0000;

struct Case {
  Prot prot;
  std::uint64_t bits;
};
constexpr Case kCases[] = {
    {kR, kXd | 0x1},      {kR | kW, kXd | 0x3},      {kR | kX, 0x1},      {kR | kW | kX, 0x3},
    {kR | kU, kXd | 0x5}, {kR | kW | kU, kXd | 0x7}, {kR | kX | kU, 0x5}, {kR | kW | kX | kU, 0x7},
};

TEST(X86_64, LeavesOfEverySize) {
  for (const Case &each : kCases) {
    EXPECT_EQ(X86_64::leaf(Gpa(0xabcde000), each.prot, 1), 0xabcde000 | each.bits);
    EXPECT_EQ(X86_64::leaf(Gpa(0xabc00000), each.prot, 2), 0xabc00000 | each.bits | 0x80);
    EXPECT_EQ(X86_64::leaf(Gpa(0x80000000), each.prot, 3), 0x80000000 | each.bits | 0x80);
    EXPECT_EQ(X86_64::prot(0xabcde000 | each.bits), each.prot);
  }
}

TEST(X86_64, TablesGrantAllAndAreAccessed) { EXPECT_EQ(X86_64::table(Gpa(0x12345000)), 0x12345027u); }

TEST(X86_64, ReadComesWithEveryOtherRight) {
  EXPECT_EQ(X86_64::prot(X86_64::leaf(Gpa(0x1000), kW, 1)), kR | kW);
  EXPECT_EQ(X86_64::prot(X86_64::leaf(Gpa(0x1000), kX, 1)), kR | kX);
}

TEST(X86_64, Types) {
  EXPECT_EQ(X86_64::type(0, 1), EntryType::Hole);
  EXPECT_EQ(X86_64::type(0x1000 & ~1ull, 3), EntryType::Hole);
  EXPECT_EQ(X86_64::type(0x1001, 1), EntryType::Leaf);
  EXPECT_EQ(X86_64::type(0x1081, 1), EntryType::Leaf) << "bit 7 is PAT here";
  for (unsigned level : {2u, 3u}) {
    EXPECT_EQ(X86_64::type(0x1001, level), EntryType::Table);
    EXPECT_EQ(X86_64::type(0x81, level), EntryType::Leaf);
  }
  EXPECT_EQ(X86_64::type(0x1001, 4), EntryType::Table);
  EXPECT_EQ(X86_64::type(0x81, 4), EntryType::Hole) << "PS is reserved in a PML4 entry";
}

TEST(X86_64, AddressMasks) {
  EXPECT_EQ(X86_64::address(0xffff'ffff'ffff'ffff, 1), Gpa(0x000f'ffff'ffff'f000));
  EXPECT_EQ(X86_64::address(0xffff'ffff'ffff'ffff, 2), Gpa(0x000f'ffff'ffe0'0000)) << "bit 12 is PAT";
  EXPECT_EQ(X86_64::address(0xffff'ffff'ffff'ffff, 3), Gpa(0x000f'ffff'c000'0000));
  EXPECT_EQ(X86_64::address(0x12345027, 2), Gpa(0x12345000));
}

TEST(X86_64, NoRightsKeepTheFrameAndHideItFromTheProcessor) {
  for (unsigned level : {1u, 2u, 3u}) {
    const std::uint64_t entry = X86_64::leaf(Gpa(0x4000'0000), Prot::None, level);
    EXPECT_EQ(entry & 1, 0u) << "not present";
    EXPECT_EQ(X86_64::type(entry, level), EntryType::Leaf);
    EXPECT_EQ(X86_64::address(entry, level), Gpa(0x4000'0000));
    EXPECT_EQ(X86_64::prot(entry), Prot::None);
    EXPECT_FALSE(X86_64::cacheable(entry));
    EXPECT_EQ(entry & 0x000f'ffff'ffff'f000, ~0x4000'0000ull & 0x000f'ffff'ffff'f000) << "address bits inverted";
  }
  EXPECT_EQ(X86_64::prot(X86_64::leaf(Gpa(0x1000), Prot::User, 1)), Prot::User);
}

TEST(X86_64, ChangingRightsKeepsAllElse) {
  // A, D, G, PCD, PWT and software bits 10, 11, 52 set.
  const std::uint64_t rest = 0x0010'0000'0000'0d78;
  for (const Case &from : kCases)
    for (const Case &to : kCases) {
      const std::uint64_t entry = 0xabcde000 | rest | from.bits;
      EXPECT_EQ(X86_64::with_prot(entry, to.prot), 0xabcde000 | rest | to.bits);
      const std::uint64_t none = X86_64::with_prot(entry, Prot::None);
      EXPECT_EQ(X86_64::address(none, 1), Gpa(0xabcde000));
      EXPECT_TRUE(X86_64::dirty(none) && X86_64::accessed(none));
      EXPECT_EQ(X86_64::with_prot(none, Prot::None), none);
      EXPECT_EQ(X86_64::with_prot(none, to.prot), 0xabcde000 | rest | to.bits);
    }
}

TEST(X86_64, AccessedAndDirty) {
  EXPECT_TRUE(X86_64::accessed(0x20));
  EXPECT_FALSE(X86_64::accessed(~0x20ull));
  EXPECT_TRUE(X86_64::dirty(0x40));
  EXPECT_FALSE(X86_64::dirty(~0x40ull));
}

TEST(X86_64, Geometry) {
  const Gva gva(0x0000'7fff'ffff'f000);
  EXPECT_EQ(index_of<X86_64>(gva, 4), 255u);
  for (unsigned level : {1u, 2u, 3u}) EXPECT_EQ(index_of<X86_64>(gva, level), 511u);
  EXPECT_EQ(index_of<X86_64>(Gva(0xffff'8000'0000'0000), 4), 256u);
  EXPECT_EQ(span_of<X86_64>(1), 4096u);
  EXPECT_EQ(span_of<X86_64>(2), 2u << 20);
  EXPECT_EQ(span_of<X86_64>(3), 1u << 30);
  EXPECT_EQ(span_of<X86_64>(4), 512ull << 30);
}

} // namespace
} // namespace pagoda::table
