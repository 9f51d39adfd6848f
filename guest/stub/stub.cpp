#include "guest/stub/stub.hpp"

#include <cstring>

extern "C" {
extern const std::byte pagoda_syscall_cpl0[], pagoda_syscall_cpl0_pid_done[], pagoda_syscall_cpl0_tid_load[],
    pagoda_syscall_cpl0_tid_done[], pagoda_syscall_cpl0_end[];
extern const std::byte pagoda_syscall_cpl3[], pagoda_syscall_cpl3_swapped[], pagoda_syscall_cpl3_pid_done[],
    pagoda_syscall_cpl3_tid_load[], pagoda_syscall_cpl3_tid_done[], pagoda_syscall_cpl3_end[];
}

namespace pagoda::stub {
namespace {

// Offsets of the labels in one template.
struct Labels {
  const std::byte *code;
  std::uint64_t swapped, pid_done, tid_load, tid_done, end;
};

Labels labels_of(SyscallEntry entry) {
  if (entry == SyscallEntry::Cpl0) {
    const std::byte *base = pagoda_syscall_cpl0;
    const auto end = std::uint64_t(pagoda_syscall_cpl0_end - base);
    return {base,
            end, // the return address never moves to r11
            std::uint64_t(pagoda_syscall_cpl0_pid_done - base),
            std::uint64_t(pagoda_syscall_cpl0_tid_load - base),
            std::uint64_t(pagoda_syscall_cpl0_tid_done - base),
            end};
  }
  const std::byte *base = pagoda_syscall_cpl3;
  return {base,
          std::uint64_t(pagoda_syscall_cpl3_swapped - base),
          std::uint64_t(pagoda_syscall_cpl3_pid_done - base),
          std::uint64_t(pagoda_syscall_cpl3_tid_load - base),
          std::uint64_t(pagoda_syscall_cpl3_tid_done - base),
          std::uint64_t(pagoda_syscall_cpl3_end - base)};
}

template <class T> void put(Page page, std::uint64_t offset, T value) {
  std::memcpy(page.data() + offset, &value, sizeof value);
}

// A 64-bit interrupt gate (SDM vol. 3, figure 6-8) on IST 1.
void put_gate(Page page, unsigned vector, std::uint64_t target, unsigned dpl) {
  constexpr std::uint64_t kInterruptGate = 0xe, kPresent = 0x80, kIst = 1;
  const std::uint64_t low = (target & 0xffff) | std::uint64_t(abi::kKernelCode) << 16 | kIst << 32 |
                            (kPresent | dpl << 5 | kInterruptGate) << 40 | (target >> 16 & 0xffff) << 48;
  put(page, vector * 16, low);
  put(page, vector * 16 + 8, target >> 32);
}

} // namespace

void build_vector_page(Page page) {
  for (unsigned vector = 0; vector < abi::kVectors; ++vector) {
    const std::uint8_t code[] = {0xe6, PAGODA_STUB_PORT, 0x0f, 0x0b}; // out %al, $port; ud2
    std::memcpy(page.data() + vector * abi::kVectorStride, code, sizeof code);
  }
}

void build_idt(Page page) {
  constexpr unsigned kBreakpoint = 3, kOverflow = 4;
  for (unsigned vector = 0; vector < abi::kVectors; ++vector) {
    const bool program_may_raise = vector == kBreakpoint || vector == kOverflow;
    put_gate(page, vector, abi::vector_entry(vector).value(), program_may_raise ? 3 : 0);
  }
}

void build_syscall_page(Page page, SyscallEntry entry) {
  const Labels labels = labels_of(entry);
  std::memcpy(page.data(), labels.code, labels.end);
}

void set_identity(Page syscall_page, std::uint32_t pid, std::uint32_t tid) {
  put(syscall_page, PAGODA_STUB_PID, pid);
  put(syscall_page, PAGODA_STUB_TID, tid);
}

void build_descriptor_page(Page page, unsigned cpu, unsigned node) {
  const auto gdt_entry = [&](std::uint16_t selector, std::uint64_t descriptor) {
    put(page, selector & ~7u, descriptor);
  };
  gdt_entry(abi::kKernelCode, 0x00af'9b00'0000'ffff);
  gdt_entry(abi::kKernelData, 0x00cf'9300'0000'ffff);
  gdt_entry(abi::kUserData, 0x00cf'f300'0000'ffff);
  gdt_entry(abi::kUserCode, 0x00af'fb00'0000'ffff);
  // Data, read-only, expand-down, accessed, DPL 3, 32-bit, byte granular: only its limit matters.
  const std::uint64_t limit = abi::cpu_and_node(cpu, node);
  gdt_entry(abi::kCpuNumber, 0x0040'f500'0000'0000 | (limit & 0xffff) | (limit >> 16 & 0xf) << 48);
  const std::uint64_t tss = abi::tss(cpu).value();
  gdt_entry(abi::kTaskState,
            (abi::kTssLimit & 0xffff) | (tss & 0xff'ffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56);
  put(page, abi::kTaskState + 8, tss >> 32);

  constexpr std::uint64_t kRsp0 = 4, kIst1 = 0x24, kBitmapOffset = 0x66;
  put(page, abi::kTssOffset + kRsp0, abi::stack_top(cpu).value());
  put(page, abi::kTssOffset + kIst1, abi::stack_top(cpu).value());
  put(page, abi::kTssOffset + kBitmapOffset, std::uint16_t(abi::kTssSize));
  std::memset(page.data() + abi::kTssOffset + abi::kTssSize, 0xff, abi::kIoBitmapBytes + 1);
}

SyscallPosition syscall_position(SyscallEntry entry, std::uint64_t offset) {
  using State = SyscallPosition::State;
  const Labels labels = labels_of(entry);
  if (offset >= labels.end) return {};
  const bool answered = (offset >= labels.pid_done && offset < labels.tid_load) || offset >= labels.tid_done;
  return {answered ? State::Answered : State::Pending, offset >= labels.swapped};
}

} // namespace pagoda::stub
