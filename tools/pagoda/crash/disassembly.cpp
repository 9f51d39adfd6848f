#include "tools/pagoda/crash/disassembly.hpp"

#include <memory>
#include <mutex>

#include <capstone/capstone.h>

namespace pagoda::tools {
namespace {

/// Capstone 4 fills and sorts tables of the whole process when it decodes its first instructions, so two tasks that
/// crash at once must take turns.
std::mutex turn;

class Decoder {
public:
  Decoder() : usable_(cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) == CS_ERR_OK) {}
  ~Decoder() {
    if (usable_) cs_close(&handle_);
  }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  std::vector<Instruction> decode(std::span<const std::byte> code, std::uint64_t address, std::size_t limit) const {
    std::vector<Instruction> result;
    if (!usable_ || code.empty() || limit == 0) return result;
    const std::scoped_lock lock(turn);
    cs_insn *list = nullptr;
    const std::size_t count =
        cs_disasm(handle_, reinterpret_cast<const std::uint8_t *>(code.data()), code.size(), address, limit, &list);
    for (std::size_t i = 0; i < count; ++i) {
      Instruction one{list[i].address, {list[i].bytes, list[i].bytes + list[i].size}, list[i].mnemonic};
      if (list[i].op_str[0] != '\0') one.text += std::string(" ") + list[i].op_str;
      result.push_back(std::move(one));
    }
    if (count != 0) cs_free(list, count);
    return result;
  }

private:
  csh handle_ = 0;
  bool usable_;
};

} // namespace

std::vector<Instruction> disassemble(std::span<const std::byte> code, std::uint64_t address, std::size_t limit) {
  return Decoder().decode(code, address, limit);
}

std::vector<Instruction> disassemble_before(std::span<const std::byte> code, std::uint64_t end, std::size_t limit) {
  const Decoder decoder;
  for (std::size_t skip = 0; skip < code.size(); ++skip) {
    const auto part = code.subspan(skip);
    auto chain = decoder.decode(part, end - part.size(), part.size());
    if (chain.empty() || chain.back().address + chain.back().bytes.size() != end) continue;
    if (chain.size() > limit) chain.erase(chain.begin(), chain.end() - std::ptrdiff_t(limit));
    return chain;
  }
  return {};
}

} // namespace pagoda::tools
