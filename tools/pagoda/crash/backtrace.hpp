// Who called whom: unwind tables where a file has them, else the chain of frame pointers, and when
// neither leads on, what on the stack looks like a return address, marked as a guess.
#pragma once

#include <vector>

#include "guest/linux/cpu.hpp"
#include "tools/pagoda/crash/module_map.hpp"
#include "tools/pagoda/trace/guest_reader.hpp"

namespace pagoda::tools {

enum class FrameSource : std::uint8_t { Registers, Table, FramePointer, CalledPointer, Guess };

struct StackFrame {
  Gva pc;
  FrameSource source = FrameSource::Registers;
};

inline constexpr std::size_t kMaxFrames = 48;
inline constexpr std::size_t kMaxGuesses = 12;
inline constexpr std::size_t kScannedWords = 512;

[[nodiscard]] std::vector<StackFrame> backtrace(const kernel::Registers &registers, ModuleMap &modules,
                                                GuestReader &memory);

} // namespace pagoda::tools
