#include "tools/pagoda/crash/elf_module.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <span>

namespace pagoda::tools {

struct ElfModule::Reader {
  space::FileStore &file;
  Elf64_Ehdr header{};

  // All `bytes` or nothing.
  [[nodiscard]] std::vector<std::byte> at(std::uint64_t offset, std::uint64_t bytes) const {
    const std::uint64_t size = file.size();
    if (bytes == 0 || bytes > kMaxTable || offset > size || bytes > size - offset) return {};
    std::vector<std::byte> data(bytes);
    const auto got = file.read(offset, data);
    if (!got || *got != bytes) return {};
    return data;
  }
  template <class T> [[nodiscard]] std::vector<T> table(std::uint64_t offset, std::size_t count) const {
    std::vector<T> rows;
    if (count == 0 || count > kMaxHeaders) return rows;
    const auto data = at(offset, count * sizeof(T));
    if (data.empty()) return rows;
    rows.resize(count);
    std::memcpy(rows.data(), data.data(), data.size());
    return rows;
  }
};

std::optional<ElfModule> ElfModule::read(space::FileStore &file) {
  Reader reader{file};
  const auto data = reader.at(0, sizeof reader.header);
  if (data.empty()) return std::nullopt;
  std::memcpy(&reader.header, data.data(), data.size());
  const Elf64_Ehdr &h = reader.header;
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
    return std::nullopt;
  ElfModule module;
  if (!module.read_segments(reader)) return std::nullopt;
  module.read_sections(reader);
  return module;
}

bool ElfModule::read_segments(const Reader &reader) {
  if (reader.header.e_phentsize != sizeof(Elf64_Phdr)) return false;
  for (const Elf64_Phdr &p : reader.table<Elf64_Phdr>(reader.header.e_phoff, reader.header.e_phnum))
    if (p.p_type == PT_LOAD) segments_.push_back({p.p_offset, p.p_filesz, p.p_vaddr});
  return !segments_.empty();
}

void ElfModule::read_sections(const Reader &reader) {
  if (reader.header.e_shentsize != sizeof(Elf64_Shdr)) return;
  const auto sections = reader.table<Elf64_Shdr>(reader.header.e_shoff, reader.header.e_shnum);
  if (reader.header.e_shstrndx >= sections.size()) return;
  const auto names =
      reader.at(sections[reader.header.e_shstrndx].sh_offset, sections[reader.header.e_shstrndx].sh_size);
  const auto is_named = [&](const Elf64_Shdr &s, std::string_view name) {
    if (s.sh_name >= names.size() || names.size() - s.sh_name <= name.size()) return false;
    return std::memcmp(names.data() + s.sh_name, name.data(), name.size()) == 0 &&
           names[s.sh_name + name.size()] == std::byte{0};
  };
  const Elf64_Shdr *symbols = nullptr;
  for (const Elf64_Shdr &s : sections) {
    if (s.sh_type == SHT_SYMTAB || (s.sh_type == SHT_DYNSYM && symbols == nullptr)) symbols = &s;
    if (s.sh_type != SHT_NOBITS && s.sh_size <= kMaxUnwindTable && is_named(s, ".eh_frame"))
      eh_frame_ = {s.sh_addr, reader.at(s.sh_offset, s.sh_size)};
  }
  if (symbols == nullptr || symbols->sh_link >= sections.size()) return;
  const Elf64_Shdr &strings = sections[symbols->sh_link];
  read_functions(reader.at(symbols->sh_offset, symbols->sh_size), reader.at(strings.sh_offset, strings.sh_size));
}

void ElfModule::read_functions(std::vector<std::byte> table, std::vector<std::byte> names) {
  names_.assign(reinterpret_cast<const char *>(names.data()), names.size());
  for (std::size_t at = 0; table.size() - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, table.data() + at, sizeof symbol);
    const auto type = ELF64_ST_TYPE(symbol.st_info);
    const bool code = type == STT_FUNC || type == STT_GNU_IFUNC;
    if (code && symbol.st_shndx != SHN_UNDEF && symbol.st_name < names_.size())
      functions_.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
  }
  std::ranges::sort(functions_, {}, &Function::address);
}

std::optional<std::uint64_t> ElfModule::address_of(std::uint64_t file_offset) const {
  // Segments are mapped by whole pages: a byte beside one in the same page belongs to it too.
  constexpr std::uint64_t kMask = 0xfff;
  for (const Segment &s : segments_) {
    const std::uint64_t begin = s.file_offset & ~kMask;
    if (file_offset >= begin && file_offset - begin < s.file_size + (s.file_offset & kMask))
      return s.address - (s.file_offset & kMask) + (file_offset - begin);
  }
  return std::nullopt;
}

std::optional<ElfModule::Symbol> ElfModule::symbol(std::uint64_t address) const {
  auto above = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (above == functions_.begin()) return std::nullopt;
  const Function &f = *std::prev(above);
  const std::uint64_t offset = address - f.address;
  // Hand-written assembly gives no size: then only what is near counts.
  if (f.size != 0 ? offset >= f.size : offset > 4096) return std::nullopt;
  const std::string_view name = std::string_view(names_).substr(f.name);
  return Symbol{std::string(name.substr(0, std::min<std::size_t>(name.find('\0'), 200))), offset};
}

} // namespace pagoda::tools
