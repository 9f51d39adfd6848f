// A small, right ELF program in memory, to be broken by tests.
#pragma once

#include <cstring>
#include <elf.h>
#include <string>
#include <vector>

#include "guest/linux/exec/elf.hpp"

namespace pagoda::kernel::testing {

struct ElfDraft {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::string tail; // behind the program headers

  ElfDraft() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_entry = 0x401000;
    segments.push_back({.p_type = PT_LOAD,
                        .p_flags = PF_R | PF_X,
                        .p_offset = 0,
                        .p_vaddr = 0x400000,
                        .p_paddr = 0,
                        .p_filesz = 0x800,
                        .p_memsz = 0x800,
                        .p_align = 0x1000});
    segments.push_back({.p_type = PT_LOAD,
                        .p_flags = PF_R | PF_W,
                        .p_offset = 0x800,
                        .p_vaddr = 0x402800,
                        .p_paddr = 0,
                        .p_filesz = 0x100,
                        .p_memsz = 0x3000,
                        .p_align = 0x1000});
  }

  [[nodiscard]] std::string bytes() const {
    auto copy = header;
    copy.e_phnum = std::uint16_t(segments.size());
    std::string out(reinterpret_cast<const char *>(&copy), sizeof copy);
    for (const auto &segment : segments) out.append(reinterpret_cast<const char *>(&segment), sizeof segment);
    out += tail;
    if (out.size() < 0x1000) out.resize(0x1000);
    return out;
  }
};

inline ReadAt reader_over(std::string bytes) {
  return [bytes = std::move(bytes)](std::uint64_t offset, std::span<std::byte> out) -> std::int64_t {
    if (offset >= bytes.size()) return 0;
    const auto length = std::min<std::uint64_t>(out.size(), bytes.size() - offset);
    std::memcpy(out.data(), bytes.data() + offset, length);
    return std::int64_t(length);
  };
}

} // namespace pagoda::kernel::testing
