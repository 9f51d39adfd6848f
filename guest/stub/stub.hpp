// The ring-0 stub: the few instructions and tables that turn a guest's exceptions and system calls
// into exits. Bytes only; vmm/kernel_half places them at the addresses of guest/abi/layout.hpp.
//
// Source: SDM vol. 3 ch. 6 (IDT, IST), ch. 7.7 (64-bit TSS), APM vol. 2 ch. 6.1 (SYSCALL).
//
// Exceptions enter at CPL0 on a stack of their own (IST 1), so a program's red zone is never
// touched, and leave at once by `out`. The VMM never returns to the stub: it resumes the program by
// writing its registers. A system call enters at CPL0, or, on a host without VM hardware, where
// SYSCALL does not change the privilege, at CPL3 in a page that programs can execute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guest/abi/layout.hpp"

namespace pagoda::stub {

// The privilege at which SYSCALL arrives on this host.
enum class SyscallEntry : std::uint8_t { Cpl0, Cpl3 };

using Page = std::span<std::byte, kPageSize>;

// All of these expect a zeroed page.
void build_vector_page(Page page);
void build_idt(Page page);
void build_syscall_page(Page page, SyscallEntry entry);
// GDT and TSS of one vCPU; its I/O permission bitmap allows a program no port.
void build_descriptor_page(Page page, unsigned cpu, unsigned node);

// What the stub answers getpid and gettid with, on that vCPU.
void set_identity(Page syscall_page, std::uint32_t pid, std::uint32_t tid);

// How far a system call has come, by the offset of rip in the entry page.
struct SyscallPosition {
  enum class State : std::uint8_t {
    Outside,  // not in the entry code
    Pending,  // rax is still the number
    Answered, // rax is the result; only the return is left
  };
  State state = State::Outside;
  bool return_in_r11 = false; // the return address is there, else in rcx
};
[[nodiscard]] SyscallPosition syscall_position(SyscallEntry entry, std::uint64_t offset);

} // namespace pagoda::stub
