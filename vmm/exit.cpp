#include "vmm/exit.hpp"

#include <cerrno>
#include <cstring>

namespace pagoda::vmm {
namespace {

using kernel::Registers;
using kernel::VmExit;
using Disposition = DecodedExit::Disposition;
using SyscallState = stub::SyscallPosition::State;

constexpr unsigned kDebug = 1, kNmi = 2, kInvalidOpcode = 6, kDoubleFault = 8, kProtection = 13, kPageFault = 14,
                   kMachineCheck = 18;
constexpr std::uint64_t kResumeFlag = 1u << 16;
constexpr std::uint32_t kErrorWrite = 2, kErrorFetch = 16; // of a page fault (SDM vol. 3, 4.7)

bool in_kernel_mode(std::uint64_t code_selector) { return (code_selector & 3) == 0; }

VmExit failure(std::string_view text) {
  VmExit exit;
  exit.kind = VmExit::Kind::Failure;
  exit.failure = text;
  return exit;
}

VmExit exception(unsigned vector, std::uint32_t error_code, std::uint64_t cr2) {
  VmExit exit;
  exit.vector = std::uint8_t(vector);
  exit.error_code = error_code;
  if (vector != kPageFault) {
    exit.kind = VmExit::Kind::Exception;
    return exit;
  }
  exit.kind = VmExit::Kind::PageFault;
  exit.address = Gva(cr2);
  exit.access = (error_code & kErrorFetch) != 0   ? Access::Execute
                : (error_code & kErrorWrite) != 0 ? Access::Write
                                                  : Access::Read;
  return exit;
}

stub::SyscallPosition position(std::uint64_t rip, const ExitContext &context) {
  const Gva entry = abi::syscall_entry(context.cpu);
  if (rip < entry.value()) return {};
  return stub::syscall_position(context.entry, rip - entry.value());
}

// Moves the registers from inside the system-call entry to the instruction behind SYSCALL.
void leave_syscall_entry(Registers &registers, stub::SyscallPosition where, stub::SyscallEntry entry) {
  registers.rip = where.return_in_r11 ? registers.r11 : registers.rcx;
  if (entry == stub::SyscallEntry::Cpl0)
    registers.rflags = registers.r11;
  else
    registers.rflags &= ~kResumeFlag; // the fault that left the entry set it; nothing else changed
  registers.rcx = registers.rip;
  registers.r11 = registers.rflags;
}

DecodedExit syscall_in_progress(Registers registers, stub::SyscallPosition where, const ExitContext &context) {
  DecodedExit result;
  leave_syscall_entry(registers, where, context.entry);
  result.registers = registers;
  if (where.state == SyscallState::Answered) {
    result.disposition = Disposition::Interrupted;
    return result;
  }
  result.exit.kind = VmExit::Kind::SystemCall;
  return result;
}

// An exception of the program, its registers already those of the interrupted instruction.
DecodedExit user_exception(const Registers &registers, unsigned vector, std::uint32_t error_code, std::uint64_t cr2,
                           const ExitContext &context) {
  DecodedExit result;
  result.registers = registers;
  result.exit = exception(vector, error_code, cr2);
  if (context.entry == stub::SyscallEntry::Cpl0 || (vector != kDebug && vector != kPageFault)) return result;
  // An entry at CPL3 leaves by a page fault, and a program that steps itself also steps through it.
  const auto where = position(registers.rip, context);
  if (where.state == SyscallState::Outside) return result;
  result = syscall_in_progress(registers, where, context);
  if (where.state != SyscallState::Answered) return result;
  result.disposition = Disposition::Report; // the step ends behind SYSCALL
  result.exit = exception(vector, error_code, cr2);
  return result;
}

DecodedExit exception_from_stub(unsigned vector, std::uint32_t error_code, Registers registers,
                                const abi::ExceptionFrame &frame, const ExitContext &context) {
  DecodedExit result;
  const auto where = position(frame.rip, context);
  // sysretq to an address that is not canonical: the program's own doing.
  if (context.entry == stub::SyscallEntry::Cpl0 && vector == kProtection && where.state == SyscallState::Answered) {
    registers.rsp = frame.rsp;
    leave_syscall_entry(registers, where, context.entry);
    result.registers = registers;
    result.exit = exception(vector, error_code, 0);
    return result;
  }
  result.registers = registers;
  result.exit = failure("an exception in the stub itself");
  return result;
}

DecodedExit from_exception_entry(const kvm_sync_regs &state, const ExitContext &context) {
  DecodedExit result;
  const auto vector = unsigned((state.regs.rip - abi::vector_entry(0).value()) / abi::kVectorStride);
  abi::ExceptionFrame frame{};
  std::uint64_t error_code = 0;
  std::memcpy(&frame, context.stack_top - sizeof frame, sizeof frame);
  if (abi::pushes_error_code(vector))
    std::memcpy(&error_code, context.stack_top - sizeof frame - sizeof error_code, sizeof error_code);
  Registers registers = registers_of(state);
  if (vector == kDoubleFault || vector == kNmi || vector == kMachineCheck || vector >= abi::kVectors) {
    result.registers = registers;
    result.exit =
        failure(vector == kDoubleFault ? "a double fault in the guest" : "a machine check or NMI in the guest");
    return result;
  }
  if (in_kernel_mode(frame.cs))
    return exception_from_stub(vector, std::uint32_t(error_code), registers, frame, context);
  registers.rip = frame.rip;
  registers.rsp = frame.rsp;
  registers.rflags = frame.rflags;
  return user_exception(registers, vector, std::uint32_t(error_code), state.sregs.cr2, context);
}

bool in_exception_entries(std::uint64_t rip) {
  const std::uint64_t begin = abi::page(abi::kVectorPage).value();
  return rip >= begin && rip < begin + abi::kVectors * abi::kVectorStride;
}

// Where the vCPU stands, whatever made KVM return.
DecodedExit by_position(const kvm_sync_regs &state, const ExitContext &context) {
  DecodedExit result;
  result.registers = registers_of(state);
  const bool kernel_mode = in_kernel_mode(state.sregs.cs.selector);
  if (kernel_mode && in_exception_entries(state.regs.rip)) return from_exception_entry(state, context);
  const bool entry_mode = kernel_mode == (context.entry == stub::SyscallEntry::Cpl0);
  const auto where = position(state.regs.rip, context);
  if (entry_mode && where.state != SyscallState::Outside) return syscall_in_progress(result.registers, where, context);
  if (kernel_mode) {
    result.exit = failure("the guest is in kernel mode outside the stub");
    return result;
  }
  result.disposition = Disposition::Interrupted;
  return result;
}

// An access to a port or a device that no program has: what a processor without it would raise.
DecodedExit refused_access(const kvm_sync_regs &state, const ExitContext &context) {
  DecodedExit result = by_position(state, context);
  if (result.disposition != Disposition::Interrupted) return result;
  result.disposition = Disposition::CompleteAndReport;
  result.exit = exception(kProtection, 0, 0);
  return result;
}

DecodedExit from_shutdown(const kvm_sync_regs &state, const ExitContext &context) {
  DecodedExit result;
  result.registers = registers_of(state);
  const auto &raised = state.events.exception;
  const unsigned vector = raised.nr;
  if (!context.shutdown_is_exception || in_kernel_mode(state.sregs.cs.selector) || vector >= abi::kVectors) {
    result.exit = failure("the guest's processor shut down (a triple fault)");
    return result;
  }
  const std::uint32_t error_code = raised.has_error_code != 0 ? raised.error_code : 0;
  return user_exception(result.registers, vector, error_code, state.sregs.cr2, context);
}

DecodedExit from_internal_error(const kvm_run &run) {
  DecodedExit result;
  result.registers = registers_of(run.s.regs);
  if (run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION && !in_kernel_mode(run.s.regs.sregs.cs.selector))
    result.exit = exception(kInvalidOpcode, 0, 0);
  else
    result.exit = failure("KVM met an internal error in the stub");
  return result;
}

DecodedExit from_reason(const kvm_run &run, const ExitContext &context) {
  const kvm_sync_regs &state = run.s.regs;
  switch (run.exit_reason) {
  case KVM_EXIT_IO:
    if (run.io.direction == KVM_EXIT_IO_OUT && run.io.port == abi::kStubPort) {
      DecodedExit result = by_position(state, context);
      if (result.disposition != Disposition::Interrupted) return result;
    }
    return refused_access(state, context);
  case KVM_EXIT_MMIO: return refused_access(state, context);
  case KVM_EXIT_SHUTDOWN: return from_shutdown(state, context);
  case KVM_EXIT_INTERNAL_ERROR: return from_internal_error(run);
  case KVM_EXIT_INTR:
  case KVM_EXIT_IRQ_WINDOW_OPEN: return by_position(state, context);
  default: break;
  }
  DecodedExit result;
  result.registers = registers_of(state);
  result.exit = failure(run.exit_reason == KVM_EXIT_FAIL_ENTRY ? "the processor refused the guest's state"
                                                               : "KVM left the guest for a reason that no guest has");
  return result;
}

} // namespace

Registers registers_of(const kvm_sync_regs &state) {
  const kvm_regs &r = state.regs;
  Registers out;
  out.rax = r.rax, out.rbx = r.rbx, out.rcx = r.rcx, out.rdx = r.rdx;
  out.rsi = r.rsi, out.rdi = r.rdi, out.rbp = r.rbp, out.rsp = r.rsp;
  out.r8 = r.r8, out.r9 = r.r9, out.r10 = r.r10, out.r11 = r.r11;
  out.r12 = r.r12, out.r13 = r.r13, out.r14 = r.r14, out.r15 = r.r15;
  out.rip = r.rip, out.rflags = r.rflags;
  out.fs_base = state.sregs.fs.base, out.gs_base = state.sregs.gs.base;
  return out;
}

bool shutdown_pending(const kvm_sync_regs &state) {
  return (state.events.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) != 0 && state.events.triple_fault.pending != 0;
}

DecodedExit decode(const kvm_run &run, int error, const ExitContext &context) {
  // KVM checks for signals before it reports a shutdown: the exception has happened all the same.
  if (error == EINTR && shutdown_pending(run.s.regs)) return from_shutdown(run.s.regs, context);
  if (error == EINTR) return by_position(run.s.regs, context);
  return from_reason(run, context);
}

} // namespace pagoda::vmm
