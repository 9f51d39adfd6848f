#include "tools/pagoda/crash/unwind.hpp"

#include <string>
#include <vector>

#include "tools/pagoda/crash/byte_cursor.hpp"

namespace pagoda::tools {
namespace {

constexpr std::size_t kMaxRemembered = 64;

struct Cie {
  std::uint64_t code_factor = 1;
  std::int64_t data_factor = 1;
  std::uint64_t return_register = kDwarfReturn;
  std::uint8_t pointer_encoding = 0;
  bool sized_augmentation = false;
  bool signal_frame = false;
  ByteCursor program{{}, 0};
};

struct Rule {
  enum class Kind : std::uint8_t { Same, Undefined, AtOffset, IsOffset, Register, Unknown } kind = Kind::Same;
  std::int64_t value = 0; // offset from the CFA, or a register
};

struct Row {
  unsigned cfa_register = 0;
  std::int64_t cfa_offset = 0;
  bool cfa_known = false;
  std::array<Rule, 17> rules{};
};

std::optional<Cie> parse_cie(ByteCursor in) {
  Cie cie;
  const auto version = in.fixed<std::uint8_t>();
  if (version != 1 && version != 3) return std::nullopt;
  std::string augmentation;
  while (const char c = in.fixed<char>()) {
    augmentation += c;
    if (augmentation.size() > 16) return std::nullopt;
  }
  cie.code_factor = in.uleb();
  cie.data_factor = in.sleb();
  cie.return_register = version == 1 ? in.fixed<std::uint8_t>() : in.uleb();
  if (!augmentation.empty() && augmentation.front() != 'z') return std::nullopt;
  if (!augmentation.empty()) {
    cie.sized_augmentation = true;
    ByteCursor data = in.take(in.uleb());
    for (const char c : augmentation.substr(1)) {
      if (c == 'R')
        cie.pointer_encoding = data.fixed<std::uint8_t>();
      else if (c == 'L')
        data.skip(1);
      else if (c == 'P')
        (void)data.pointer(data.fixed<std::uint8_t>() & 0x1f);
      else if (c == 'S')
        cie.signal_frame = true;
      else
        return std::nullopt;
    }
    if (!data.ok()) return std::nullopt;
  }
  cie.program = in;
  if (!in.ok() || cie.return_register != kDwarfReturn) return std::nullopt;
  return cie;
}

struct Fde {
  Cie cie;
  std::uint64_t begin = 0, size = 0;
  ByteCursor program{{}, 0};
};

// The CIE that an FDE's field at `field` points back to.
std::optional<Cie> cie_of(const ElfModule::Section &section, std::size_t field, std::uint32_t distance) {
  if (distance > field) return std::nullopt;
  const std::size_t at = field - distance;
  ByteCursor in(std::span(section.bytes).subspan(at), section.address + at);
  const auto length = in.fixed<std::uint32_t>();
  ByteCursor body = in.take(length);
  if (!in.ok() || body.fixed<std::uint32_t>() != 0) return std::nullopt;
  return parse_cie(body);
}

std::optional<Fde> find_fde(const ElfModule::Section &section, std::uint64_t address) {
  ByteCursor all(section.bytes, section.address);
  while (!all.at_end()) {
    const auto length = all.fixed<std::uint32_t>();
    if (length == 0 || length == 0xffffffff) return std::nullopt; // terminator; 64-bit form is not used
    const std::size_t field = all.position();
    ByteCursor body = all.take(length);
    const auto distance = body.fixed<std::uint32_t>();
    if (!body.ok() || distance == 0) continue;
    const auto cie = cie_of(section, field, distance);
    if (!cie) continue;
    Fde fde{*cie};
    fde.begin = body.pointer(cie->pointer_encoding);
    fde.size = body.pointer(cie->pointer_encoding & 0x0f);
    if (!body.ok() || address < fde.begin || address - fde.begin >= fde.size) continue;
    if (cie->sized_augmentation) body.skip(body.uleb());
    if (!body.ok()) return std::nullopt;
    fde.program = body;
    return fde;
  }
  return std::nullopt;
}

// Runs call frame instructions until the row of `target` is complete.
class Interpreter {
public:
  Interpreter(const Cie &cie, std::uint64_t begin, std::uint64_t target)
      : cie_(cie), location_(begin), target_(target) {}

  bool run(ByteCursor in) {
    while (!in.at_end()) {
      const auto opcode = in.fixed<std::uint8_t>();
      if (!step(opcode, in) || !in.ok()) return false;
      if (location_ > target_) return true; // the row stands; what follows is for later addresses
    }
    return in.ok();
  }
  // The initial rules of the CIE, which DW_CFA_restore goes back to.
  void mark_initial() { initial_ = row_; }
  [[nodiscard]] const Row &row() const { return row_; }

private:
  void set(std::uint64_t reg, Rule::Kind kind, std::int64_t value) {
    if (reg < row_.rules.size()) row_.rules[reg] = {kind, value};
  }
  std::int64_t scaled(std::uint64_t offset) const { return std::int64_t(offset * std::uint64_t(cie_.data_factor)); }
  void define_cfa(std::uint64_t reg, std::int64_t offset) {
    row_.cfa_register = unsigned(reg);
    row_.cfa_offset = offset;
    row_.cfa_known = reg < kDwarfReturn;
  }
  void restore(std::uint64_t reg) {
    if (reg < row_.rules.size()) row_.rules[reg] = initial_.rules[reg];
  }
  void advance(std::uint64_t delta) { location_ += delta * cie_.code_factor; }

  bool step(std::uint8_t opcode, ByteCursor &in) {
    const std::uint8_t low = opcode & 0x3f;
    switch (opcode >> 6) {
    case 1: advance(low); return true;
    case 2: set(low, Rule::Kind::AtOffset, scaled(in.uleb())); return true;
    case 3: restore(low); return true;
    default: return extended(low, in);
    }
  }

  bool extended(std::uint8_t opcode, ByteCursor &in) {
    switch (opcode) {
    case 0x00: return true;                                                // nop
    case 0x01: location_ = in.pointer(cie_.pointer_encoding); return true; // set_loc
    case 0x02: advance(in.fixed<std::uint8_t>()); return true;
    case 0x03: advance(in.fixed<std::uint16_t>()); return true;
    case 0x04: advance(in.fixed<std::uint32_t>()); return true;
    case 0x05: return with_register(in, [&](auto reg) { set(reg, Rule::Kind::AtOffset, scaled(in.uleb())); });
    case 0x06: return with_register(in, [&](auto reg) { restore(reg); });
    case 0x07: return with_register(in, [&](auto reg) { set(reg, Rule::Kind::Undefined, 0); });
    case 0x08: return with_register(in, [&](auto reg) { set(reg, Rule::Kind::Same, 0); });
    case 0x09: return with_register(in, [&](auto reg) { set(reg, Rule::Kind::Register, std::int64_t(in.uleb())); });
    case 0x0a: return remember();
    case 0x0b: return recall();
    case 0x0c: return with_register(in, [&](auto reg) { define_cfa(reg, std::int64_t(in.uleb())); });
    case 0x0d: define_cfa(in.uleb(), row_.cfa_offset); return true;
    case 0x0e: row_.cfa_offset = std::int64_t(in.uleb()); return true;
    case 0x0f:
      row_.cfa_known = false;
      in.skip(in.uleb());
      return true; // by expression
    case 0x10:
    case 0x16:
      return with_register(in, [&](auto reg) {
        set(reg, Rule::Kind::Unknown, 0);
        in.skip(in.uleb());
      });
    case 0x11:
      return with_register(in, [&](auto reg) { set(reg, Rule::Kind::AtOffset, scaled(std::uint64_t(in.sleb()))); });
    case 0x12: return with_register(in, [&](auto reg) { define_cfa(reg, scaled(std::uint64_t(in.sleb()))); });
    case 0x13: row_.cfa_offset = scaled(std::uint64_t(in.sleb())); return true;
    case 0x14: return with_register(in, [&](auto reg) { set(reg, Rule::Kind::IsOffset, scaled(in.uleb())); });
    case 0x2e: (void)in.uleb(); return true; // GNU_args_size
    default: return false;
    }
  }
  template <class Apply> static bool with_register(ByteCursor &in, Apply &&apply) {
    apply(in.uleb());
    return true;
  }
  bool remember() {
    if (remembered_.size() >= kMaxRemembered) return false;
    remembered_.push_back(row_);
    return true;
  }
  bool recall() {
    if (remembered_.empty()) return false;
    row_ = remembered_.back();
    remembered_.pop_back();
    return true;
  }

  const Cie &cie_;
  std::uint64_t location_, target_;
  Row row_, initial_;
  std::vector<Row> remembered_;
};

bool read_word(GuestReader &memory, std::uint64_t at, std::uint64_t &value) {
  return memory.bytes(Gva(at), std::as_writable_bytes(std::span(&value, 1))) == sizeof value;
}

std::optional<FrameRegisters> apply(const Row &row, const FrameRegisters &frame, GuestReader &memory) {
  if (!row.cfa_known || row.cfa_register >= frame.value.size() || !frame.known[row.cfa_register]) return std::nullopt;
  const std::uint64_t cfa = frame.value[row.cfa_register] + std::uint64_t(row.cfa_offset);
  FrameRegisters caller = frame;
  for (std::size_t reg = 0; reg < row.rules.size(); ++reg) {
    const Rule &rule = row.rules[reg];
    switch (rule.kind) {
    case Rule::Kind::Same: break;
    case Rule::Kind::Undefined:
    case Rule::Kind::Unknown: caller.known[reg] = false; break;
    case Rule::Kind::AtOffset:
      caller.known[reg] = read_word(memory, cfa + std::uint64_t(rule.value), caller.value[reg]);
      break;
    case Rule::Kind::IsOffset:
      caller.value[reg] = cfa + std::uint64_t(rule.value);
      caller.known[reg] = true;
      break;
    case Rule::Kind::Register:
      caller.known[reg] = std::uint64_t(rule.value) < frame.value.size() && frame.known[std::size_t(rule.value)];
      if (caller.known[reg]) caller.value[reg] = frame.value[std::size_t(rule.value)];
      break;
    }
  }
  if (row.rules[kDwarfReturn].kind == Rule::Kind::Same || !caller.known[kDwarfReturn]) return std::nullopt;
  caller.value[kDwarfRsp] = cfa;
  caller.known[kDwarfRsp] = true;
  return caller;
}

} // namespace

std::optional<FrameRegisters> unwind_by_table(const ElfModule::Section &eh_frame, std::uint64_t bias,
                                              const FrameRegisters &frame, bool inside_call, GuestReader &memory) {
  const std::uint64_t address = frame.pc() - bias - (inside_call ? 1 : 0);
  const auto fde = find_fde(eh_frame, address);
  if (!fde || fde->cie.signal_frame) return std::nullopt;
  Interpreter interpreter(fde->cie, fde->begin, address);
  if (!interpreter.run(fde->cie.program)) return std::nullopt;
  interpreter.mark_initial();
  if (!interpreter.run(fde->program)) return std::nullopt;
  return apply(interpreter.row(), frame, memory);
}

} // namespace pagoda::tools
