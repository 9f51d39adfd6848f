// One step up the stack by call frame information (.eh_frame).
//
// Source: DWARF 5 chapter 6.4; Linux Standard Base, ".eh_frame". What compilers emit for x86-64 is
// interpreted: CFA as register plus offset, registers saved at offsets from it. DWARF expressions
// (signal trampolines, procedure linkage stubs) are not; such a frame ends the unwinding by tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tools/pagoda/crash/elf_module.hpp"
#include "tools/pagoda/trace/guest_reader.hpp"

namespace pagoda::tools {

// DWARF register numbers of x86-64 (System V ABI, figure 3.36); 16 is the return address.
inline constexpr unsigned kDwarfRbp = 6, kDwarfRsp = 7, kDwarfReturn = 16;

struct FrameRegisters {
  std::array<std::uint64_t, 17> value{};
  std::array<bool, 17> known{};
  [[nodiscard]] std::uint64_t pc() const { return value[kDwarfReturn]; }
};

// The caller's registers. `bias`: load address minus link-time address. `inside_call`: pc is a
// return address, so the call before it is looked up.
[[nodiscard]] std::optional<FrameRegisters> unwind_by_table(const ElfModule::Section &eh_frame, std::uint64_t bias,
                                                            const FrameRegisters &frame, bool inside_call,
                                                            GuestReader &memory);

} // namespace pagoda::tools
