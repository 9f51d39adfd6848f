// What the process guest needs from a virtual processor; vmm supplies it.
//
// A Cpu runs one task's user state until something needs the kernel. It is driven by one host
// thread; `kick` alone may be called from any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mmu/base/access.hpp"
#include "mmu/base/address.hpp"

namespace pagoda::kernel {

// User registers, in Linux's `struct user_regs_struct` spirit. After a system call exit rip and
// rflags are already those to return to (the stub's rcx and r11), rcx and r11 hold them too.
struct Registers {
  std::uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rbp = 0, rsp = 0;
  std::uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
  std::uint64_t rip = 0, rflags = 0x202;
  std::uint64_t fs_base = 0, gs_base = 0;
};

// The XSAVE area in the standard (non-compacted) format, as KVM_GET_XSAVE gives it.
struct FpuState {
  alignas(64) std::array<std::byte, 4096> xsave{};
};

// What the processor must know beside the registers.
struct RunTarget {
  Gfn root;              // guest page table
  std::uint32_t pid = 0; // answered by the stub without an exit
  std::uint32_t tid = 0;
};

struct VmExit {
  enum class Kind : std::uint8_t {
    SystemCall, // number in rax
    PageFault,  // address, access, error_code
    Exception,  // vector, error_code
    Kicked,     // somebody called kick()
    Failure,    // the host refuses to go on; `failure` says why
  };
  Kind kind = Kind::Failure;
  std::uint8_t vector = 0;
  std::uint32_t error_code = 0; // as the processor pushes it (SDM vol. 3, 6.15)
  Gva address{};                // CR2
  Access access = Access::Read;
  std::string_view failure{}; // static text
  std::uint64_t guest_ns = 0; // host time spent inside KVM_RUN for this exit
};

class Cpu {
public:
  virtual ~Cpu() = default;
  // Once, on the thread that will call run().
  virtual void adopt_thread() = 0;
  virtual VmExit run(Registers &registers, const RunTarget &target) = 0;
  // Makes a run() in progress, or the next one, return Kicked soon. Any thread.
  virtual void kick() = 0;
  // The vector and floating-point state of the task that ran last; costs an ioctl (7 µs on pvm), so
  // it moves only when another task comes onto this processor or a signal frame needs it.
  virtual void save_fpu(FpuState &out) = 0;
  virtual void load_fpu(const FpuState &in) = 0;
  // The state of a fresh process (FCW 0x37f, MXCSR 0x1f80), and how many bytes of XSAVE are in use.
  [[nodiscard]] virtual const FpuState &initial_fpu() const = 0;
  [[nodiscard]] virtual std::uint32_t xsave_size() const = 0;
};

} // namespace pagoda::kernel
