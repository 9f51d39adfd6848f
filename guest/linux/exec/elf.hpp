// Reading an ELF64 x86-64 program's headers, and nothing else.
//
// Source: System V ABI, gABI chapters 4 and 5; elf(5). Every field is hostile: a parsed image has
// segments in ascending order, inside the user half, with file parts no longer than memory parts and
// offsets congruent to addresses, so that mapping it needs no further checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "mmu/base/access.hpp"

namespace pagoda::kernel {

// Reads up to out.size() bytes at an offset; how many there were, or a negative errno.
using ReadAt = std::function<std::int64_t(std::uint64_t offset, std::span<std::byte> out)>;

struct ElfSegment {
  std::uint64_t address = 0;     // before the load bias
  std::uint64_t memory_size = 0; // bytes
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0; // bytes, at most memory_size
  Prot prot = Prot::None;

  [[nodiscard]] std::uint64_t end() const { return address + memory_size; }
};

struct ElfImage {
  bool position_independent = false;
  std::uint64_t entry = 0;          // before the load bias
  std::uint64_t header_address = 0; // of the program headers in memory, 0 when no segment holds them
  std::uint16_t header_count = 0;
  std::uint64_t alignment = 0; // the largest of all segments, at least a page
  bool executable_stack = false;
  std::string interpreter;          // guest path, empty for a static program
  std::vector<ElfSegment> segments; // at least one

  [[nodiscard]] std::uint64_t lowest() const { return segments.front().address; }
  [[nodiscard]] std::uint64_t highest() const;
};

inline constexpr std::uint16_t kElfHeaderEntrySize = 56; // sizeof(Elf64_Phdr)

// ENOEXEC for what is no such program, EINVAL for one that contradicts itself, EIO or what reading
// gave.
[[nodiscard]] std::expected<ElfImage, int> parse_elf(const ReadAt &read);

} // namespace pagoda::kernel
