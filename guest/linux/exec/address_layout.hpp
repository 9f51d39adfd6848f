// Where the parts of a program go: Linux's layout for x86-64 with address-space randomisation, or, where
// user addresses end below 4 GiB, that for i386.
//
// From the top of the user half: stack, a gap that the stack may grow into, [vvar][vdso], mmap area
// (top down) … heap, program image. Source: arch/x86/mm/mmap.c and binfmt_elf.c as behaviour.
#pragma once

#include <cstdint>
#include <functional>

#include "mmu/base/address.hpp"

namespace pagoda::kernel {

struct AddressLayout {
  Gva stack_top;               // page aligned
  Gva mmap_top;                // the mmap area ends here
  Gva image_base;              // for position-independent programs with an interpreter
  std::uint64_t break_gap = 0; // bytes between the end of bss and the start of the heap
};

// `random()` gives 64 random bits; the same sequence repeats a layout (`--seed`). `user_end`: that of the
// space (Space::user_end).
[[nodiscard]] AddressLayout randomise_layout(Gva user_end, std::uint64_t stack_limit,
                                             const std::function<std::uint64_t()> &random);

} // namespace pagoda::kernel
