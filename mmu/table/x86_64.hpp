// The x86-64 entry format, 4-level paging. Intel SDM vol. 3, section 4.5, tables 4-15 to 4-20
// (AMD APM vol. 2, section 5.3, agrees in every bit used here).
//
//   bit   0 P    1 R/W   2 U/S   3 PWT   4 PCD   5 A   6 D   7 PS (PAT at level 1)   8 G
//   bits  9-11 software    12-51 address    52-62 ignored (or keys)    63 XD, needs EFER.NXE
//
// x86 has no mapping that may be written or executed but not read: any of the three rights makes the
// entry present, and `prot` reports Read whenever it is.
//
// A leaf without any of them (PROT_NONE) keeps its frame, so that a later mprotect finds the data:
// P is clear, so no processor looks further, and software bit 9 says that the rest is a leaf. Its
// address bits are stored inverted: a processor with the L1 terminal fault speculates through the
// address of an entry that is not present, and the inverted one leads to no memory.
#pragma once

#include "mmu/table/format.hpp"

namespace pagoda::table {

struct X86_64 {
  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kIndexBits = 9;
  static constexpr const char *kName = "x86-64";

  static constexpr std::uint64_t kPresent = 1ull << 0;
  static constexpr std::uint64_t kWrite = 1ull << 1;
  static constexpr std::uint64_t kUser = 1ull << 2;
  static constexpr std::uint64_t kAccessed = 1ull << 5;
  static constexpr std::uint64_t kDirty = 1ull << 6;
  static constexpr std::uint64_t kPageSizeBit = 1ull << 7;
  static constexpr std::uint64_t kNoAccess = 1ull << 9; // ours: a leaf with no rights
  static constexpr std::uint64_t kAddress = 0x000f'ffff'ffff'f000;
  static constexpr std::uint64_t kNoExecute = 1ull << 63;
  static constexpr std::uint64_t kRights = kPresent | kWrite | kUser | kNoExecute | kNoAccess;

  static constexpr bool leaf_allowed(unsigned level) { return level >= 1 && level <= 3; }

  static constexpr std::uint64_t leaf(Gpa gpa, Prot prot, unsigned level) {
    return with_prot((gpa.value() & kAddress) | (level > 1 ? kPageSizeBit : 0) | kPresent, prot);
  }

  // Rights are decided at the leaf; A is set in advance, which saves the processor a locked update.
  static constexpr std::uint64_t table(Gpa gpa) {
    return (gpa.value() & kAddress) | kPresent | kWrite | kUser | kAccessed;
  }

  // In the processor's sense an entry with PS at level 4 is reserved: it translates nothing.
  static constexpr EntryType type(std::uint64_t entry, unsigned level) {
    if ((entry & (kPresent | kNoAccess)) == 0) return EntryType::Hole;
    if (level == 1) return EntryType::Leaf;
    if ((entry & kPageSizeBit) != 0) return leaf_allowed(level) ? EntryType::Leaf : EntryType::Hole;
    return (entry & kPresent) != 0 ? EntryType::Table : EntryType::Hole;
  }

  // Bits below the size of the page (PAT of a large leaf) are not address.
  static constexpr Gpa address(std::uint64_t entry, unsigned level) {
    std::uint64_t bits = no_access(entry) ? ~entry : entry;
    if (level > 1 && (entry & kPageSizeBit) != 0) bits &= ~(span_of<X86_64>(level) - 1);
    return Gpa(bits & kAddress);
  }

  static constexpr Prot prot(std::uint64_t entry) {
    Prot result = (entry & kUser) != 0 ? Prot::User : Prot::None;
    if ((entry & kPresent) == 0) return result;
    result = result | Prot::Read;
    if ((entry & kWrite) != 0) result = result | Prot::Write;
    if ((entry & kNoExecute) == 0) result = result | Prot::Execute;
    return result;
  }

  // Changes rights alone: address, size, A, D, memory type and the other software bits stay.
  static constexpr std::uint64_t with_prot(std::uint64_t entry, Prot prot) {
    const bool access = any(prot & (Prot::Read | Prot::Write | Prot::Execute));
    if (no_access(entry) == access) entry ^= kAddress;
    entry &= ~kRights;
    if (has(prot, Prot::User)) entry |= kUser;
    if (!access) return entry | kNoAccess;
    entry |= kPresent;
    if (has(prot, Prot::Write)) entry |= kWrite;
    if (!has(prot, Prot::Execute)) entry |= kNoExecute;
    return entry;
  }

  // Leads a leaf of a 4K page elsewhere: everything but the address stays.
  static constexpr std::uint64_t with_address(std::uint64_t entry, Gpa gpa) {
    const std::uint64_t bits = no_access(entry) ? ~gpa.value() : gpa.value();
    return (entry & ~kAddress) | (bits & kAddress);
  }

  // A leaf with D but without W would be a page of a shadow stack.
  static constexpr std::uint64_t used(std::uint64_t entry, Use use) {
    if (use == Use::None) return entry;
    return entry | kAccessed | (use == Use::Written && (entry & kWrite) != 0 ? kDirty : 0);
  }
  static constexpr bool accessed(std::uint64_t entry) { return (entry & kAccessed) != 0; }
  static constexpr bool dirty(std::uint64_t entry) { return (entry & kDirty) != 0; }
  // Whether a processor can have cached what the entry says.
  static constexpr bool cacheable(std::uint64_t entry) { return (entry & kPresent) != 0; }

private:
  static constexpr bool no_access(std::uint64_t entry) { return (entry & (kPresent | kNoAccess)) == kNoAccess; }
};

static_assert(Format<X86_64>);
static_assert(X86_64::type(0, 1) == EntryType::Hole && X86_64::type(0, 4) == EntryType::Hole);
static_assert(X86_64::leaf(Gpa(0x1234000), Prot::Read | Prot::Write | Prot::User, 1) == 0x8000'0000'0123'4007);
static_assert(X86_64::leaf(Gpa(0x200000), Prot::Read | Prot::Execute, 2) == 0x0000'0000'0020'0081);
static_assert(X86_64::used(0x7, Use::Written) == 0x67 && X86_64::used(0x5, Use::Written) == 0x25);
static_assert(X86_64::table(Gpa(0x5000)) == 0x5027);
static_assert(X86_64::type(X86_64::leaf(Gpa(0x7000), Prot::None, 1), 1) == EntryType::Leaf);
static_assert(X86_64::address(X86_64::leaf(Gpa(0x7000), Prot::None, 1), 1) == Gpa(0x7000));
static_assert(X86_64::with_address(X86_64::leaf(Gpa(0x7000), Prot::None, 1), Gpa(0x9000)) ==
              X86_64::leaf(Gpa(0x9000), Prot::None, 1));

} // namespace pagoda::table
