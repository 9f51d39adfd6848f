#include "tools/pagoda/crash/crash_report.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "mmu/table/walker.hpp"
#include "tools/pagoda/crash/backtrace.hpp"
#include "tools/pagoda/crash/disassembly.hpp"
#include "tools/pagoda/crash/module_map.hpp"
#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

bool has_address(const kernel::SignalInfo &info) {
  const int s = info.si_signo;
  return (s == SIGSEGV || s == SIGBUS || s == SIGILL || s == SIGFPE || s == SIGTRAP) && info.si_code > 0 &&
         info.si_code != SI_KERNEL;
}

// Whether si_addr names data (or code that could not be fetched), as opposed to the instruction.
bool is_memory_fault(const kernel::SignalInfo &info) {
  return (info.si_signo == SIGSEGV || info.si_signo == SIGBUS) && has_address(info);
}

std::string headline(const kernel::Crash &crash) {
  const auto &info = crash.info;
  std::string text = fmt::format("\npagoda: {} (pid {}, thread {}) was killed by {}\n", crash.task.name,
                                 crash.process.pid(), crash.task.tid(), signal_name(info.si_signo));
  text += fmt::format("  program  {}\n  code     {}\n", crash.process.image.executable,
                      signal_code(info.si_signo, info.si_code));
  if (has_address(info))
    text += fmt::format("  address  {:#x}\n", reinterpret_cast<std::uintptr_t>(info.si_addr));
  else if (info.si_code <= 0)
    text += fmt::format("  sender   pid {}, uid {}\n", info.si_pid, info.si_uid);
  return text;
}

std::string register_text(const kernel::Registers &r) {
  using Named = std::pair<const char *, std::uint64_t>;
  const std::array<Named, 20> all{{{"rax", r.rax}, {"rbx", r.rbx},       {"rcx", r.rcx},    {"rdx", r.rdx},
                                   {"rsi", r.rsi}, {"rdi", r.rdi},       {"rbp", r.rbp},    {"rsp", r.rsp},
                                   {"r8", r.r8},   {"r9", r.r9},         {"r10", r.r10},    {"r11", r.r11},
                                   {"r12", r.r12}, {"r13", r.r13},       {"r14", r.r14},    {"r15", r.r15},
                                   {"rip", r.rip}, {"rflags", r.rflags}, {"fs", r.fs_base}, {"gs", r.gs_base}}};
  std::string text = "registers\n";
  for (std::size_t i = 0; i < all.size(); ++i)
    text += fmt::format("  {:<6} {:016x}{}", all[i].first, all[i].second, i % 4 == 3 ? "\n" : "");
  return text;
}

std::string instruction_line(const Instruction &one, bool faulting) {
  std::string bytes;
  for (const std::uint8_t byte : one.bytes) bytes += fmt::format("{:02x} ", byte);
  return fmt::format("  {} {:#x}  {:<31}{}\n", faulting ? "=>" : "  ", one.address, bytes, one.text);
}

std::string code_text(std::uint64_t rip, ModuleMap &modules, GuestReader &memory) {
  std::string text = fmt::format("instruction ({})\n", modules.describe(Gva(rip), false));
  std::array<std::byte, 40> before{};
  std::array<std::byte, 64> after{};
  if (rip >= before.size() && memory.bytes(Gva(rip - before.size()), before) == before.size())
    for (const Instruction &one : disassemble_before(before, rip, 3)) text += instruction_line(one, false);
  const std::size_t got = memory.bytes(Gva(rip), after);
  if (got == 0) return text + fmt::format("  => {:#x}  cannot be read: the program jumped there\n", rip);
  const auto list = disassemble(std::span(after).first(got), rip, 4);
  if (list.empty()) {
    std::string bytes;
    for (std::size_t i = 0; i < std::min<std::size_t>(got, 15); ++i)
      bytes += fmt::format("{:02x} ", unsigned(after[i]));
    return text + fmt::format("  => {:#x}  {} no instruction\n", rip, bytes);
  }
  for (const Instruction &one : list) text += instruction_line(one, one.address == rip);
  return text;
}

const char *role_name(const space::Vma &vma) {
  switch (vma.role) {
  case space::VmaRole::Heap: return "[heap]";
  case space::VmaRole::Stack: return "[stack]";
  case space::VmaRole::Vdso: return "[vdso]";
  case space::VmaRole::Vvar: return "[vvar]";
  case space::VmaRole::Plain: return "";
  }
  return "";
}

std::string area_line(const space::Vma &vma) {
  return fmt::format("{:#014x}-{:#014x} {}{}{}{} {:>10} {}", vma.range.begin.value(), vma.range.end.value(),
                     has(vma.prot, Prot::Read) ? 'r' : '-', has(vma.prot, Prot::Write) ? 'w' : '-',
                     has(vma.prot, Prot::Execute) ? 'x' : '-', vma.shared ? 's' : 'p', human_bytes(vma.range.length()),
                     vma.file ? vma.file->identity().path : role_name(vma));
}

// The area of the address, or the gap it lies in, with a neighbour on either side.
std::string area_text(Gva at, const std::vector<space::Vma> &areas) {
  std::string text = fmt::format("areas around {:#x}\n", at.value());
  const auto above = std::ranges::find_if(areas, [&](const space::Vma &vma) { return at < vma.range.end; });
  if (above != areas.begin()) text += fmt::format("     {}\n", area_line(*std::prev(above)));
  const bool inside = above != areas.end() && above->range.contains(at);
  if (!inside) text += "  => nothing is mapped here\n";
  if (above == areas.end()) return text;
  text += fmt::format("  {} {}\n", inside ? "=>" : "  ", area_line(*above));
  if (inside && std::next(above) != areas.end()) text += fmt::format("     {}\n", area_line(*std::next(above)));
  return text;
}

std::string walk_text(const space::Space &space, Gva at) {
  std::string text = fmt::format("page-table walk of {:#x}\n", at.value());
  const std::string walk = table::describe(table::walk(space.memory(), space.root(), at));
  for (std::string_view lines = walk; !lines.empty();) {
    const auto end = lines.find('\n');
    text += fmt::format("  {}\n", lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return text;
}

std::string backtrace_text(const kernel::Registers &registers, ModuleMap &modules, GuestReader &memory) {
  constexpr std::array<const char *, 5> kHow{"", "", " (frame pointer)", " (called a bad pointer)", " (guess)"};
  std::string text = "backtrace\n";
  const auto frames = backtrace(registers, modules, memory);
  std::size_t repeated = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    // A recursion is one line and a number.
    if (i > 1 && frames[i].pc == frames[i - 1].pc) {
      ++repeated;
      continue;
    }
    if (repeated != 0) text += fmt::format("       the same {} times more\n", std::exchange(repeated, 0));
    text += fmt::format("  #{:<2} {:#014x} {}{}\n", i, frames[i].pc.value(), modules.describe(frames[i].pc, i != 0),
                        kHow[std::size_t(frames[i].source)]);
  }
  if (repeated != 0) text += fmt::format("       the same {} times more\n", repeated);
  if (frames.size() >= kMaxFrames) text += "       and further up\n";
  return text;
}

} // namespace

std::string crash_report(const kernel::Crash &crash) {
  std::string text = headline(crash) + register_text(crash.registers);
  const auto space = crash.process.space;
  if (!space) return text;
  SpaceReader memory(*space);
  ModuleMap modules(space->areas());
  text += code_text(crash.registers.rip, modules, memory);
  if (is_memory_fault(crash.info)) {
    const Gva at(reinterpret_cast<std::uintptr_t>(crash.info.si_addr));
    text += area_text(at, modules.areas()) + walk_text(*space, at);
  }
  return text + backtrace_text(crash.registers, modules, memory);
}

} // namespace pagoda::tools
