#include <cstring>

#include "guest/linux/signal/frame.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/trap/trap.hpp"

namespace pagoda::kernel {
namespace {

// Vectors of the SDM, vol. 3, table 6-1.
enum Vector : std::uint8_t {
  kDivideError = 0,
  kDebug = 1,
  kBreakpoint = 3,
  kOverflow = 4,
  kBoundRange = 5,
  kInvalidOpcode = 6,
  kSegmentNotPresent = 11,
  kStackFault = 12,
  kX87Error = 16,
  kAlignmentCheck = 17,
  kSimdError = 19,
};

// Offsets in the XSAVE image (SDM vol. 1, table 13-1).
constexpr std::size_t kControlWord = 0;
constexpr std::size_t kStatusWord = 2;
constexpr std::size_t kMxcsr = 24;

template <class T> T field(const FpuState &state, std::size_t offset) {
  T value;
  std::memcpy(&value, state.xsave.data() + offset, sizeof value);
  return value;
}

// Which unmasked exception is pending, by its bit: invalid 1, denormal 2, zero divide 4, overflow 8,
// underflow 16, precision 32. 0 when the state names none.
int floating_point_code(unsigned pending) {
  if (pending & 0x01) return FPE_FLTINV;
  if (pending & 0x04) return FPE_FLTDIV;
  if (pending & 0x08) return FPE_FLTOVF;
  if (pending & 0x12) return FPE_FLTUND;
  if (pending & 0x20) return FPE_FLTRES;
  return 0;
}

int x87_code(const FpuState &state) {
  return floating_point_code(field<std::uint16_t>(state, kStatusWord) &
                             ~unsigned(field<std::uint16_t>(state, kControlWord)));
}

int simd_code(const FpuState &state) {
  const auto mxcsr = field<std::uint32_t>(state, kMxcsr);
  return floating_point_code(~(mxcsr >> 7) & mxcsr);
}

SignalInfo info_of(Kernel &kernel, Task &task, const VmExit &exit) {
  const Gva rip(task.registers.rip);
  switch (exit.vector) {
  case kDivideError: return fault_info(SIGFPE, FPE_INTDIV, rip);
  case kDebug: return fault_info(SIGTRAP, TRAP_TRACE, rip);
  case kBreakpoint: return fault_info(SIGTRAP, SI_KERNEL, Gva(0));
  case kInvalidOpcode: return fault_info(SIGILL, ILL_ILLOPN, rip);
  case kSegmentNotPresent:
  case kStackFault: return fault_info(SIGBUS, SI_KERNEL, Gva(0));
  case kX87Error: return fault_info(SIGFPE, x87_code(sync_fpu(kernel, task)), rip);
  case kSimdError: return fault_info(SIGFPE, simd_code(sync_fpu(kernel, task)), rip);
  case kAlignmentCheck: return fault_info(SIGBUS, BUS_ADRALN, rip);
  case kOverflow:
  case kBoundRange:
  default: return fault_info(SIGSEGV, SI_KERNEL, Gva(0)); // general protection and what has no signal of its own
  }
}

} // namespace

void handle_exception(Kernel &kernel, Task &task, const VmExit &exit) {
  auto &counters = kernel.statistics().exceptions;
  counters[exit.vector % counters.size()]++;
  task.trap.number = exit.vector;
  task.trap.error = exit.error_code;
  const SignalInfo info = info_of(kernel, task, exit);
  LockGuard guard(kernel.mutex);
  force_signal(kernel, task, info);
}

} // namespace pagoda::kernel
