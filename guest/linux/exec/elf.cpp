#include "guest/linux/exec/elf.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <elf.h>

#include "mmu/base/address.hpp"
#include "mmu/base/checked.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {
namespace {

static_assert(sizeof(Elf64_Phdr) == kElfHeaderEntrySize);

constexpr std::uint64_t kMaxHeaderBytes = 64 << 10; // Linux refuses more than 64 KiB of program headers
constexpr std::uint64_t kMaxPath = 4096;            // PATH_MAX
constexpr std::uint64_t kMaxAlignment = 1ull << 30; // beyond 1 GiB no loader can mean it

std::expected<void, int> read_exact(const ReadAt &read, std::uint64_t offset, std::span<std::byte> out) {
  const auto got = read(offset, out);
  if (got < 0) return std::unexpected(int(-got));
  if (std::uint64_t(got) != out.size()) return std::unexpected(ENOEXEC);
  return {};
}

bool is_supported(const Elf64_Ehdr &header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64 &&
         (header.e_type == ET_EXEC || header.e_type == ET_DYN) && header.e_phentsize == sizeof(Elf64_Phdr) &&
         header.e_phnum > 0 && header.e_phnum * sizeof(Elf64_Phdr) <= kMaxHeaderBytes;
}

Prot prot_of(std::uint32_t flags) {
  Prot prot = Prot::None;
  if (flags & PF_R) prot = prot | Prot::Read;
  if (flags & PF_W) prot = prot | Prot::Write;
  if (flags & PF_X) prot = prot | Prot::Execute;
  return prot;
}

std::expected<ElfSegment, int> segment_of(const Elf64_Phdr &header) {
  const auto end = checked_add<std::uint64_t>(header.p_vaddr, header.p_memsz);
  const auto file_end = checked_add<std::uint64_t>(header.p_offset, header.p_filesz);
  if (!end || !file_end || *end > space::kUserEnd.value()) return std::unexpected(EINVAL);
  if (header.p_filesz > header.p_memsz) return std::unexpected(EINVAL);
  if ((header.p_vaddr & kPageMask) != (header.p_offset & kPageMask)) return std::unexpected(EINVAL);
  return ElfSegment{.address = header.p_vaddr,
                    .memory_size = header.p_memsz,
                    .file_offset = header.p_offset,
                    .file_size = header.p_filesz,
                    .prot = prot_of(header.p_flags)};
}

std::expected<std::string, int> interpreter_of(const ReadAt &read, const Elf64_Phdr &header) {
  if (header.p_filesz < 2 || header.p_filesz > kMaxPath) return std::unexpected(ENOEXEC);
  std::string path(header.p_filesz, '\0');
  if (auto done = read_exact(read, header.p_offset, std::as_writable_bytes(std::span(path))); !done)
    return std::unexpected(done.error());
  if (path.back() != '\0') return std::unexpected(ENOEXEC);
  path.resize(std::strlen(path.c_str()));
  return path;
}

std::expected<void, int> add_header(ElfImage &image, const ReadAt &read, const Elf64_Phdr &header) {
  if (header.p_type == PT_LOAD && header.p_memsz > 0) {
    auto segment = segment_of(header);
    if (!segment) return std::unexpected(segment.error());
    image.segments.push_back(*segment);
    if (std::has_single_bit(header.p_align) && header.p_align <= kMaxAlignment)
      image.alignment = std::max(image.alignment, header.p_align);
  } else if (header.p_type == PT_INTERP && image.interpreter.empty()) {
    auto path = interpreter_of(read, header);
    if (!path) return std::unexpected(path.error());
    image.interpreter = std::move(*path);
  } else if (header.p_type == PT_GNU_STACK) {
    image.executable_stack = (header.p_flags & PF_X) != 0;
  }
  return {};
}

// Where the loaded program finds its own program headers (AT_PHDR).
std::uint64_t header_address(const ElfImage &image, std::uint64_t file_offset) {
  for (const auto &segment : image.segments)
    if (file_offset >= segment.file_offset && file_offset - segment.file_offset < segment.file_size)
      return segment.address + (file_offset - segment.file_offset);
  return 0;
}

bool in_order(const std::vector<ElfSegment> &segments) {
  return std::ranges::is_sorted(segments, {}, &ElfSegment::address);
}

} // namespace

std::uint64_t ElfImage::highest() const { return std::ranges::max(segments, {}, &ElfSegment::end).end(); }

std::expected<ElfImage, int> parse_elf(const ReadAt &read) {
  Elf64_Ehdr header{};
  if (auto done = read_exact(read, 0, std::as_writable_bytes(std::span(&header, 1))); !done)
    return std::unexpected(done.error());
  if (!is_supported(header)) return std::unexpected(ENOEXEC);

  std::vector<Elf64_Phdr> headers(header.e_phnum);
  if (auto done = read_exact(read, header.e_phoff, std::as_writable_bytes(std::span(headers))); !done)
    return std::unexpected(done.error());

  ElfImage image;
  image.position_independent = header.e_type == ET_DYN;
  image.entry = header.e_entry;
  image.header_count = header.e_phnum;
  image.alignment = kPageSize;
  for (const auto &program_header : headers)
    if (auto done = add_header(image, read, program_header); !done) return std::unexpected(done.error());
  if (image.segments.empty()) return std::unexpected(ENOEXEC);
  if (!in_order(image.segments)) return std::unexpected(EINVAL);
  image.header_address = header_address(image, header.e_phoff);
  return image;
}

} // namespace pagoda::kernel
