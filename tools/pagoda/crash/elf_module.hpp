// What a backtrace needs of a mapped ELF file: which address a file offset has, symbols, and the
// unwind table. Read through the guest's own file store; every size and count is bounded.
//
// Source: System V gABI chapters 4 and 5; elf(5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mmu/space/file_store.hpp"

namespace pagoda::tools {

class ElfModule {
public:
  // Nothing when the file is not an x86-64 ELF file.
  static std::optional<ElfModule> read(space::FileStore &file);

  // The link-time address of a byte of the file, by its loadable segments.
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t file_offset) const;

  struct Symbol {
    std::string name;
    std::uint64_t offset = 0; // of the address into the function
  };
  [[nodiscard]] std::optional<Symbol> symbol(std::uint64_t address) const;

  struct Section {
    std::uint64_t address = 0;
    std::vector<std::byte> bytes;
  };
  [[nodiscard]] const Section &eh_frame() const { return eh_frame_; } // empty: there is none

  static constexpr std::size_t kMaxTable = 64 << 20;       // bytes of any one table that is read
  static constexpr std::size_t kMaxUnwindTable = 16 << 20; // it is searched once a frame
  static constexpr std::size_t kMaxHeaders = 4096;

private:
  struct Segment {
    std::uint64_t file_offset, file_size, address;
  };
  struct Function {
    std::uint64_t address, size;
    std::uint32_t name;
  };
  std::vector<Segment> segments_;
  std::vector<Function> functions_; // by address
  std::string names_;
  Section eh_frame_;

  struct Reader;
  bool read_segments(const Reader &reader);
  void read_sections(const Reader &reader);
  void read_functions(std::vector<std::byte> table, std::vector<std::byte> names);
};

} // namespace pagoda::tools
