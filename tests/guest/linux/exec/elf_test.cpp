#include "tests/guest/linux/exec/elf_image.hpp"

#include <cerrno>
#include <gtest/gtest.h>

namespace pagoda::kernel {
namespace {

using testing::ElfDraft;
using testing::reader_over;

auto parse(const ElfDraft &draft) { return parse_elf(reader_over(draft.bytes())); }

TEST(Elf, ReadsSegmentsEntryAndHeaders) {
  const auto image = parse(ElfDraft{});
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->position_independent);
  EXPECT_EQ(image->entry, 0x401000u);
  EXPECT_EQ(image->header_address, 0x400040u);
  ASSERT_EQ(image->segments.size(), 2u);
  EXPECT_EQ(image->segments[0].prot, Prot::Read | Prot::Execute);
  EXPECT_EQ(image->segments[1].memory_size, 0x3000u);
  EXPECT_EQ(image->lowest(), 0x400000u);
  EXPECT_EQ(image->highest(), 0x405800u);
  EXPECT_TRUE(image->interpreter.empty());
}

TEST(Elf, ReadsTheInterpreterOnlyWhenTerminated) {
  ElfDraft draft;
  const std::string path("/lib64/ld-linux-x86-64.so.2\0", 28);
  draft.segments.push_back({.p_type = PT_INTERP,
                            .p_flags = PF_R,
                            .p_offset = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr),
                            .p_vaddr = 0,
                            .p_paddr = 0,
                            .p_filesz = path.size(),
                            .p_memsz = path.size(),
                            .p_align = 1});
  draft.tail = path;
  const auto image = parse(draft);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->interpreter, "/lib64/ld-linux-x86-64.so.2");
  draft.tail.back() = 'x';
  draft.tail += std::string(64, 'x');
  EXPECT_EQ(parse(draft).error(), ENOEXEC);
}

TEST(Elf, RefusesWhatItCannotRun) {
  const auto broken = [](auto edit) {
    ElfDraft draft;
    edit(draft.header);
    return parse(draft).error();
  };
  EXPECT_EQ(broken([](auto &h) { h.e_ident[0] = 'X'; }), ENOEXEC);
  EXPECT_EQ(broken([](auto &h) { h.e_ident[EI_CLASS] = ELFCLASS32; }), ENOEXEC);
  EXPECT_EQ(broken([](auto &h) { h.e_machine = EM_AARCH64; }), ENOEXEC);
  EXPECT_EQ(broken([](auto &h) { h.e_type = ET_REL; }), ENOEXEC);
  EXPECT_EQ(broken([](auto &h) { h.e_phentsize = 32; }), ENOEXEC);
  EXPECT_EQ(broken([](auto &h) { h.e_phoff = ~0ull - 8; }), ENOEXEC);
}

TEST(Elf, RefusesSegmentsThatContradictThemselves) {
  const auto broken = [](auto edit) {
    ElfDraft draft;
    edit(draft.segments[1]);
    return parse(draft).error();
  };
  EXPECT_EQ(broken([](auto &s) { s.p_filesz = s.p_memsz + 1; }), EINVAL);
  EXPECT_EQ(broken([](auto &s) { s.p_vaddr = ~0ull - 0x100 + 0x1; }), EINVAL);
  EXPECT_EQ(broken([](auto &s) { s.p_offset += 1; }), EINVAL);
  EXPECT_EQ(broken([](auto &s) { s.p_vaddr = 0x800; }), EINVAL); // out of order
  EXPECT_EQ(broken([](auto &s) { s.p_memsz = 1ull << 47; }), EINVAL);
}

TEST(Elf, TruncatedAnywhereIsAnErrorAndNeverACrash) {
  const auto whole = ElfDraft{}.bytes();
  const std::size_t headers = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  for (std::size_t length = 0; length < headers; ++length)
    EXPECT_EQ(parse_elf(reader_over(whole.substr(0, length))).error(), ENOEXEC) << length;
}

TEST(Elf, PassesReadErrorsOn) {
  const auto image = parse_elf([](std::uint64_t, std::span<std::byte>) -> std::int64_t { return -EIO; });
  EXPECT_EQ(image.error(), EIO);
}

} // namespace
} // namespace pagoda::kernel
