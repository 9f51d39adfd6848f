// Which file an address of a crashed program lies in, with its symbols and unwind table. A file is
// read when first asked for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mmu/space/vma.hpp"
#include "tools/pagoda/crash/elf_module.hpp"

namespace pagoda::tools {

class ModuleMap {
public:
  explicit ModuleMap(std::vector<space::Vma> areas) : areas_(std::move(areas)) {}

  [[nodiscard]] const std::vector<space::Vma> &areas() const { return areas_; }
  [[nodiscard]] const space::Vma *area(Gva at) const;
  [[nodiscard]] bool executable(Gva at) const;

  struct Place {
    const ElfModule *module = nullptr;
    std::uint64_t address = 0; // link-time
    std::uint64_t bias = 0;    // run-time minus link-time
  };
  [[nodiscard]] std::optional<Place> place(Gva at);
  // "memcpy+0x12 in /usr/lib/x86_64-linux-gnu/libc.so.6", as much of it as is known. A return address
  // may lie behind the last byte of its function: `inside_call` looks one byte before.
  [[nodiscard]] std::string describe(Gva at, bool inside_call);

private:
  std::vector<space::Vma> areas_; // in order
  std::map<const space::FileStore *, std::optional<ElfModule>> modules_;
};

} // namespace pagoda::tools
