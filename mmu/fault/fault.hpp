// Resolving a fault: orchestration only. Every case is a function of its own in mmu/fault/cases/.
//
// | case        | when                                              | what happens                           |
// |-------------|---------------------------------------------------|----------------------------------------|
// | no area     | nothing mapped at the address, not below a stack  | SIGSEGV, SEGV_MAPERR                   |
// | permission  | the area forbids the access                       | SIGSEGV, SEGV_ACCERR                   |
// | guard       | below a stack, inside the gap or past its limit   | SIGSEGV, SEGV_MAPERR                   |
// | stack       | below a stack that may grow                       | the area grows, then demand-zero       |
// | demand-zero | anonymous private, no leaf                        | zeroed frames, 16 neighbours at a time |
// | file        | private file mapping, no leaf                     | frames filled from the file            |
// | shared      | MAP_SHARED object, no leaf                        | the object's frame is mapped           |
// | upgrade     | leaf present, rights lacking, area allows         | rights raised; no flush owed           |
// | spurious    | leaf present and already right                    | nothing: another vCPU was faster       |
// | past end    | file mapping beyond the last page of the file     | SIGBUS, BUS_ADRERR                     |
//
// Locks: the space's mutex is taken and dropped inside; it is not held while a file is read, and the
// area is looked up again afterwards ("revalidate") in case it changed meanwhile.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mmu/base/access.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::fault {

enum class Case : std::uint8_t {
  NoArea,
  Permission,
  Guard,
  StackGrowth,
  DemandZero,
  File,
  Shared,
  Upgrade,
  Spurious,
  PastEnd,
  OutOfMemory,
  IoError,
};
inline constexpr std::size_t kCases = 12;
[[nodiscard]] std::string_view name(Case c); // "demand-zero", …

struct Outcome {
  Case which = Case::NoArea;
  std::uint32_t pages = 0;             // leaves made present by this fault
  GvaRange around{};                   // where: every page of it that could be had is present now
  [[nodiscard]] bool resolved() const; // the access can be retried
};

// Makes `access` at `gva` possible, or says why not. Bounded work: at most kFaultAroundMost pages.
[[nodiscard]] Outcome resolve(space::Space &space, Gva gva, Access access);

// Neighbouring pages mapped by one fault, aligned to their own size: an exit costs as much as zeroing
// a dozen pages. Memory that is being filled in order, upwards, gets more at a time.
inline constexpr std::uint32_t kFaultAround = 16;
inline constexpr std::uint32_t kFaultAroundMost = 64;

} // namespace pagoda::fault
