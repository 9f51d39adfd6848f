// Decoding an exit: from the run page to what the kernel of the guest must know. Pure, so that
// tests drive it without KVM.
//
// Where the vCPU stands decides more than why KVM returned: an exit reason of "interrupted" with rip
// at an exception entry is that exception (its frame is complete), and one inside the system-call
// entry is that system call. So no exit is ever lost to a kick, and the stub never has to be
// finished by another entry.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest/abi/layout.hpp"
#include "guest/linux/cpu.hpp"
#include "guest/stub/stub.hpp"
#include "vmm/kvm.hpp"

namespace pagoda::vmm {

// The vCPU that an exit came from.
struct ExitContext {
  unsigned cpu = 0;
  stub::SyscallEntry entry = stub::SyscallEntry::Cpl0;
  const std::byte *stack_top = nullptr; // host address of the end of its exception stack
  bool shutdown_is_exception = false;   // the IDT is empty: an exception ends in KVM_EXIT_SHUTDOWN
};

struct DecodedExit {
  enum class Disposition : std::uint8_t {
    Report,            // `exit` is for the kernel
    Interrupted,       // in user code, nothing happened: enter again, or report Kicked
    CompleteAndReport, // a pending access must be completed before registers are written
  };
  Disposition disposition = Disposition::Report;
  kernel::VmExit exit;
  // Of the program: those of the frame after an exception, else those of the run page.
  kernel::Registers registers;
};

// `error` is KVM_RUN's errno, 0 or EINTR. `run` has valid regs, sregs and events.
[[nodiscard]] DecodedExit decode(const kvm_run &run, int error, const ExitContext &context);

// KVM has decided on a shutdown exit that it has not reported yet (KVM_CAP_X86_TRIPLE_FAULT_EVENT).
[[nodiscard]] bool shutdown_pending(const kvm_sync_regs &state);

[[nodiscard]] kernel::Registers registers_of(const kvm_sync_regs &state);

} // namespace pagoda::vmm
