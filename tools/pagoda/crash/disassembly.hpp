// The instructions around a fault, by Capstone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pagoda::tools {

struct Instruction {
  std::uint64_t address = 0;
  std::vector<std::uint8_t> bytes;
  std::string text; // "mov eax, dword ptr [rdi]"
};

// Decodes up to `limit` instructions; stops at the first that is none.
[[nodiscard]] std::vector<Instruction> disassemble(std::span<const std::byte> code, std::uint64_t address,
                                                   std::size_t limit);

// The instructions that end where `code` ends. x86 cannot be decoded backwards: of all beginnings,
// the longest chain that arrives exactly at the end is taken, and it may be wrong.
[[nodiscard]] std::vector<Instruction> disassemble_before(std::span<const std::byte> code, std::uint64_t end,
                                                          std::size_t limit);

} // namespace pagoda::tools
