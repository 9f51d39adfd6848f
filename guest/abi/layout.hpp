// The kernel half of every guest address space: what lies where, and the numbers that the stub and
// the VMM agree on.
//
//   kKernelBase + 0                     IDT, one page, shared
//   kKernelBase + 1 page                exception entries, one page, shared: vector v enters at v * 16
//   kKernelBase + 16 pages + 4 * cpu    one block for each vCPU:
//       page 0   system-call entry and the words that it answers from
//       page 1   GDT at 0, TSS at kTssOffset, with its I/O permission bitmap
//       page 2   stack of every exception (IST 1); only its top 48 bytes are used
//       page 3   never mapped: the stub at CPL3 leaves by reading it
//
// It hangs from one entry of the root table that all address spaces share. PML4 slot 256 cannot be
// used on a host that shadows page tables without VM hardware; the last slot can.
#pragma once

#include <cstdint>

#include "guest/abi/numbers.h"
#include "mmu/base/address.hpp"

namespace pagoda::abi {

inline constexpr unsigned kKernelSlot = 511; // of the root table
inline constexpr Gva kKernelBase{0xffff'ff80'0000'0000};
static_assert(((kKernelBase.value() >> 39) & 511) == kKernelSlot);

inline constexpr std::uint16_t kStubPort = PAGODA_STUB_PORT;
static_assert(kStubPort != 0x7e && kStubPort < 0x100);

inline constexpr unsigned kIdtPage = 0;
inline constexpr unsigned kVectorPage = 1;
inline constexpr unsigned kFirstCpuPage = 16;
inline constexpr unsigned kPagesPerCpu = 4;
inline constexpr unsigned kMaxCpus = (512 - kFirstCpuPage) / kPagesPerCpu; // one table page maps them all

inline constexpr unsigned kVectors = 32; // the processor's own; higher ones are never raised
inline constexpr std::uint64_t kVectorStride = PAGODA_VECTOR_STRIDE;
inline constexpr std::uint64_t kTssOffset = 0x100;
inline constexpr std::uint64_t kTssSize = 0x68;
inline constexpr std::uint64_t kIoBitmapBytes = 0x100 / 8;            // ports 0..255; beyond the limit all are denied
inline constexpr std::uint64_t kTssLimit = kTssSize + kIoBitmapBytes; // with the closing byte of ones

static_assert(PAGODA_STUB_GUARD == (kPagesPerCpu - 1) * kPageSize);

constexpr Gva page(unsigned index) { return kKernelBase + index * kPageSize; }
constexpr unsigned cpu_page(unsigned cpu) { return kFirstCpuPage + cpu * kPagesPerCpu; }
constexpr Gva idt() { return page(kIdtPage); }
constexpr Gva vector_entry(unsigned vector) { return page(kVectorPage) + vector * kVectorStride; }
constexpr Gva syscall_entry(unsigned cpu) { return page(cpu_page(cpu)); }
constexpr Gva gdt(unsigned cpu) { return page(cpu_page(cpu) + 1); }
constexpr Gva tss(unsigned cpu) { return gdt(cpu) + kTssOffset; }
constexpr Gva stack_top(unsigned cpu) { return page(cpu_page(cpu) + 3); } // the end of page 2

// Selectors, as Linux lays its GDT out: programs see them in a sigcontext and in `lsl`.
inline constexpr std::uint16_t kKernelCode = 0x10;
inline constexpr std::uint16_t kKernelData = 0x18;
inline constexpr std::uint16_t kSyscallReturn = 0x23; // STAR[63:48]; sysretq adds 16 and 8
inline constexpr std::uint16_t kUserData = 0x2b;
inline constexpr std::uint16_t kUserCode = 0x33;
inline constexpr std::uint16_t kTaskState = 0x40;
inline constexpr std::uint16_t kCpuNumber = 0x7b; // its limit is cpu_and_node()
// What the vDSO's getcpu reads, from that limit or from TSC_AUX (Linux, asm/vdso/processor.h).
constexpr std::uint32_t cpu_and_node(unsigned cpu, unsigned node) { return (cpu & 0xfff) | (node & 0xff) << 12; }
inline constexpr unsigned kGdtEntries = 16;
static_assert(kSyscallReturn + 16 == kUserCode && kSyscallReturn + 8 == kUserData);
static_assert((kCpuNumber >> 3) < kGdtEntries && kGdtEntries * 8 <= kTssOffset);

// What the processor pushes on the exception stack, from the top down (SDM vol. 3, 6.14.2). The
// error code lies below, for the vectors that have one.
struct ExceptionFrame {
  std::uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(ExceptionFrame) == 40);

constexpr bool pushes_error_code(unsigned vector) {
  constexpr std::uint32_t kWithCode = 1u << 8 | 0x1fu << 10 | 1u << 17 | 1u << 21 | 1u << 29 | 1u << 30;
  return vector < kVectors && (kWithCode >> vector & 1) != 0;
}
static_assert(pushes_error_code(14) && pushes_error_code(13) && !pushes_error_code(6) && !pushes_error_code(15));

} // namespace pagoda::abi
