// The malloc path, seen from below: brk against mmap growth, first touch, and what came back.
//
// Derived from system calls and faults of an unmodified program, per process. Touched pages are
// counted by blocks of 64K: where only part of a block comes back, what
// is counted as returned is at most the pages of that part.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "mmu/base/address.hpp"

namespace pagoda::tools {

class MallocWatch {
public:
  // A system call that succeeded or failed; the line to print when it moved memory.
  std::optional<std::string> call(std::uint32_t pid, std::string_view name, const std::array<std::uint64_t, 6> &args,
                                  std::int64_t result);
  // A fault at `address` that made `pages` of `around` present, which all are then; the line when that
  // is heap or mmap memory.
  std::optional<std::string> touch(std::uint32_t pid, Gva address, std::uint32_t pages, GvaRange around);
  void forget(std::uint32_t pid); // execve: a new address space
  [[nodiscard]] std::string summary() const;

  struct Totals {
    std::uint64_t heap_high = 0; // most bytes between the break's start and the break
    std::uint64_t grown_by_break = 0, grown_by_mmap = 0;
    std::uint64_t break_calls = 0, mmap_calls = 0;
    std::uint64_t smallest_mmap = 0; // bytes; 0: none was seen
    std::uint64_t touched_pages = 0, returned_pages = 0;
  };
  [[nodiscard]] const Totals &totals() const { return totals_; }

private:
  struct Memory {
    Gva break_begin{}, break_end{};
    std::map<Gva, Gva> anonymous;         // begin -> end of private anonymous mappings
    std::map<Gva, std::uint32_t> touched; // pages present, by block
  };
  std::optional<std::string> moved_break(Memory &memory, std::uint64_t result);
  std::optional<std::string> mapped(Memory &memory, const std::array<std::uint64_t, 6> &args, std::uint64_t at);
  std::optional<std::string> unmapped(Memory &memory, GvaRange range);
  std::optional<std::string> remapped(Memory &memory, const std::array<std::uint64_t, 6> &args, std::uint64_t at);
  std::optional<std::string> advised(Memory &memory, GvaRange range, std::uint64_t advice);
  std::uint64_t give_back(Memory &memory, GvaRange range); // touched pages in it, now gone
  static bool cut(Memory &memory, GvaRange range);         // out of `anonymous`; whether any was in it
  static bool is_anonymous(const Memory &memory, Gva at);

  std::map<std::uint32_t, Memory> processes_;
  Totals totals_;
};

} // namespace pagoda::tools
