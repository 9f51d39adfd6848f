#include "tools/pagoda/crash/backtrace.hpp"

#include <array>
#include <optional>

#include "tools/pagoda/crash/unwind.hpp"

namespace pagoda::tools {
namespace {

FrameRegisters from(const kernel::Registers &r) {
  FrameRegisters frame;
  frame.value = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                 r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
  frame.known.fill(true);
  return frame;
}

std::optional<std::uint64_t> word(GuestReader &memory, std::uint64_t at) {
  std::uint64_t value = 0;
  if (memory.bytes(Gva(at), std::as_writable_bytes(std::span(&value, 1))) != sizeof value) return std::nullopt;
  return value;
}

// Whether a call instruction may end at `at`: e8 rel32, or ff /2 in one of its lengths.
bool follows_call(Gva at, GuestReader &memory) {
  std::array<std::uint8_t, 7> code{};
  if (memory.bytes(at - code.size(), std::as_writable_bytes(std::span(code))) != code.size()) return false;
  if (code[2] == 0xe8) return true;
  for (std::size_t length = 2; length <= 7; ++length) {
    const std::size_t begin = code.size() - length;
    if (code[begin] == 0xff && (code[begin + 1] >> 3 & 7) == 2) return true;
  }
  return false;
}

class Walker {
public:
  Walker(const kernel::Registers &registers, ModuleMap &modules, GuestReader &memory)
      : modules_(modules), memory_(memory), frame_(from(registers)) {}

  std::vector<StackFrame> run() {
    frames_.push_back({Gva(frame_.pc()), FrameSource::Registers});
    while (frames_.size() < kMaxFrames && (by_called_pointer() || by_table() || by_frame_pointer())) {
      if (frame_.pc() == 0) return frames_; // the outermost frame is marked so by _start and clone
      if (!modules_.executable(Gva(frame_.pc()))) break;
      frames_.push_back({Gva(frame_.pc()), source_});
    }
    if (frames_.size() < kMaxFrames) guess();
    return frames_;
  }

private:
  [[nodiscard]] bool first() const { return frames_.size() == 1; }

  // A jump through a bad pointer leaves nothing at pc, but its caller's address on the stack.
  bool by_called_pointer() {
    if (!first() || modules_.executable(Gva(frame_.pc()))) return false;
    const std::uint64_t stack = frame_.value[kDwarfRsp];
    const auto back = word(memory_, stack);
    if (!back || !modules_.executable(Gva(*back)) || !follows_call(Gva(*back), memory_)) return false;
    return move(*back, stack + 8, FrameSource::CalledPointer);
  }

  bool by_table() {
    const std::uint64_t pc = frame_.pc();
    const auto place = modules_.place(Gva(first() ? pc : pc - 1));
    if (!place) return false;
    const auto caller = unwind_by_table(place->module->eh_frame(), place->bias, frame_, !first(), memory_);
    if (!caller) return false;
    // The stack is left upwards, always: this bounds a hostile table.
    if (caller->value[kDwarfRsp] <= frame_.value[kDwarfRsp]) return false;
    frame_ = *caller;
    source_ = FrameSource::Table;
    return true;
  }

  bool by_frame_pointer() {
    const std::uint64_t base = frame_.value[kDwarfRbp], stack = frame_.value[kDwarfRsp];
    if (!frame_.known[kDwarfRbp] || base % 8 != 0 || base < stack || base - stack > (8ull << 20)) return false;
    const auto next = word(memory_, base), back = word(memory_, base + 8);
    if (!next || !back || !modules_.executable(Gva(*back)) || !follows_call(Gva(*back), memory_)) return false;
    frame_.value[kDwarfRbp] = *next;
    return move(*back, base + 16, FrameSource::FramePointer);
  }

  bool move(std::uint64_t pc, std::uint64_t stack, FrameSource source) {
    frame_.value[kDwarfReturn] = pc;
    frame_.value[kDwarfRsp] = stack;
    source_ = source;
    return true;
  }

  void guess() {
    std::array<std::uint64_t, kScannedWords> words{};
    const std::uint64_t stack = frame_.value[kDwarfRsp] & ~7ull;
    const std::size_t bytes = memory_.bytes(Gva(stack), std::as_writable_bytes(std::span(words)));
    std::size_t found = 0;
    for (std::size_t i = 0; i < bytes / 8 && found < kMaxGuesses; ++i) {
      if (!modules_.executable(Gva(words[i])) || !follows_call(Gva(words[i]), memory_)) continue;
      frames_.push_back({Gva(words[i]), FrameSource::Guess});
      ++found;
    }
  }

  ModuleMap &modules_;
  GuestReader &memory_;
  FrameRegisters frame_;
  FrameSource source_ = FrameSource::Registers;
  std::vector<StackFrame> frames_;
};

} // namespace

std::vector<StackFrame> backtrace(const kernel::Registers &registers, ModuleMap &modules, GuestReader &memory) {
  return Walker(registers, modules, memory).run();
}

} // namespace pagoda::tools
