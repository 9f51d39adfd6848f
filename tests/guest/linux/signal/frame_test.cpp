// The frame of a signal handler, against the host's own idea of it, and there and back again.
#include <cstring>
#include <sys/ucontext.h>
#include <ucontext.h>

#include "guest/linux/signal/frame_layout.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/xstate.hpp"
#include "tests/guest/linux/scripted_world.hpp"

namespace pagoda::test {
namespace {

using kernel::SignalContext;
using kernel::SignalFrame;
using kernel::UserContext;

constexpr std::size_t host_register(int index) {
  return offsetof(ucontext_t, uc_mcontext) + offsetof(mcontext_t, gregs) + std::size_t(index) * 8;
}
#define IN_CONTEXT(field) (offsetof(UserContext, state) + offsetof(SignalContext, field))

TEST(SignalFrameLayout, IsTheHosts) {
  EXPECT_EQ(offsetof(UserContext, flags), offsetof(ucontext_t, uc_flags));
  EXPECT_EQ(offsetof(UserContext, link), offsetof(ucontext_t, uc_link));
  EXPECT_EQ(offsetof(UserContext, stack), offsetof(ucontext_t, uc_stack));
  EXPECT_EQ(offsetof(UserContext, state), offsetof(ucontext_t, uc_mcontext));
  EXPECT_EQ(offsetof(UserContext, mask), offsetof(ucontext_t, uc_sigmask));
  EXPECT_EQ(IN_CONTEXT(r8), host_register(REG_R8));
  EXPECT_EQ(IN_CONTEXT(r15), host_register(REG_R15));
  EXPECT_EQ(IN_CONTEXT(rdi), host_register(REG_RDI));
  EXPECT_EQ(IN_CONTEXT(rsi), host_register(REG_RSI));
  EXPECT_EQ(IN_CONTEXT(rbp), host_register(REG_RBP));
  EXPECT_EQ(IN_CONTEXT(rbx), host_register(REG_RBX));
  EXPECT_EQ(IN_CONTEXT(rdx), host_register(REG_RDX));
  EXPECT_EQ(IN_CONTEXT(rax), host_register(REG_RAX));
  EXPECT_EQ(IN_CONTEXT(rcx), host_register(REG_RCX));
  EXPECT_EQ(IN_CONTEXT(rsp), host_register(REG_RSP));
  EXPECT_EQ(IN_CONTEXT(rip), host_register(REG_RIP));
  EXPECT_EQ(IN_CONTEXT(rflags), host_register(REG_EFL));
  EXPECT_EQ(IN_CONTEXT(cs), host_register(REG_CSGSFS));
  EXPECT_EQ(IN_CONTEXT(error), host_register(REG_ERR));
  EXPECT_EQ(IN_CONTEXT(trap), host_register(REG_TRAPNO));
  EXPECT_EQ(IN_CONTEXT(old_mask), host_register(REG_OLDMASK));
  EXPECT_EQ(IN_CONTEXT(cr2), host_register(REG_CR2));
  EXPECT_EQ(IN_CONTEXT(fpstate), offsetof(ucontext_t, uc_mcontext) + offsetof(mcontext_t, fpregs));
}

class SignalFrameTest : public ScriptedWorld {
protected:
  static constexpr Gva kAction = kData;
  static constexpr Gva kWild{0x30000000}; // nothing is mapped there
  static constexpr std::uint64_t kRestorerFlag = 0x04000000;

  // Installs `handler` for `signal`; the restorer is the sigreturn at `restorer`.
  void install(int signal, const std::uint64_t &handler, const std::uint64_t &restorer, std::uint64_t flags,
               Gva at = kAction) {
    script.run([=, this, &handler, &restorer](Registers &, ScriptedCpu &) {
      write(at, kernel::SignalAction{handler, flags | kRestorerFlag, restorer, 0});
    });
    script.call(SYS_rt_sigaction, signal, at.value(), 0, 8);
  }
  // What `ret` at the end of a handler does.
  void leave_handler(const std::uint64_t &restorer) {
    script.run([&restorer](Registers &r, ScriptedCpu &) { r.rsp += 8, r.rip = restorer; });
  }
  VmExit write_fault(Gva address) {
    VmExit exit;
    exit.kind = VmExit::Kind::PageFault;
    exit.address = address;
    exit.access = Access::Write;
    exit.error_code = 6;
    return exit;
  }
};

TEST_F(SignalFrameTest, AFaultReachesItsHandlerAndTheProgramGoesOn) {
  std::uint64_t handler = 0, restorer = 0;
  SignalFrame seen{};
  std::uint64_t entry_rsp = 0, fault_rip = 0, continued = 0, handler_fpu = 99, fpu_after = 0, rbx_after = 0;
  siginfo_t info{};
  install(SIGSEGV, handler, restorer, SA_SIGINFO);
  script.run([](Registers &r, ScriptedCpu &cpu) {
    r.rbx = 0x1234, r.rflags |= 0x400, r.rsp -= 40;
    cpu.fpu.xsave[160] = std::byte{77}; // xmm0
    cpu.fpu.xsave[512] = std::byte{3};
  });
  fault_rip = script.add([this](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
    if (r.r15 != 0) { // the handler repaired it
      r.rip += kInstructionBytes;
      return std::nullopt;
    }
    return write_fault(kWild);
  });
  script.run([&](Registers &r, ScriptedCpu &cpu) {
    continued = 1;
    rbx_after = r.rbx;
    fpu_after = std::uint64_t(cpu.fpu.xsave[160]);
  });
  exit_with(0);
  handler = script.run([&](Registers &r, ScriptedCpu &cpu) {
    entry_rsp = r.rsp;
    handler_fpu = std::uint64_t(cpu.fpu.xsave[160]);
    seen = read<SignalFrame>(Gva(r.rsp));
    info = read<siginfo_t>(Gva(r.rsi));
    EXPECT_EQ(r.rdi, std::uint64_t(SIGSEGV));
    EXPECT_EQ(r.rdx, r.rsp + offsetof(SignalFrame, context));
    EXPECT_EQ(r.rflags & 0x400, 0u); // the direction flag is clear, as the ABI wants it
    cpu.fpu.xsave[160] = std::byte{1};
    SignalFrame changed = seen;
    changed.context.state.r15 = 1;
    write(Gva(r.rsp), changed);
    r.rbx = 0;
  });
  leave_handler(restorer);
  restorer = script.call(SYS_rt_sigreturn);
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);

  EXPECT_EQ(continued, 1u);
  EXPECT_EQ(rbx_after, 0x1234u);
  EXPECT_EQ(fpu_after, 77u);
  EXPECT_EQ(handler_fpu, 0u);
  EXPECT_EQ(entry_rsp % 16, 8u);
  EXPECT_LE(entry_rsp + sizeof(SignalFrame), kStackTop - 40 - kernel::kRedZone);
  EXPECT_EQ(seen.context.state.rip, fault_rip);
  EXPECT_EQ(seen.context.state.rsp, kStackTop - 40);
  EXPECT_EQ(seen.context.state.cr2, kWild.value());
  EXPECT_EQ(seen.context.state.error, 6u);
  EXPECT_EQ(seen.context.state.trap, 14u);
  EXPECT_EQ(seen.context.state.fpstate % 64, 0u);
  EXPECT_EQ(info.si_signo, SIGSEGV);
  EXPECT_EQ(info.si_code, SEGV_MAPERR);
  EXPECT_EQ(info.si_addr, reinterpret_cast<void *>(kWild.value()));
}

TEST_F(SignalFrameTest, AHandlerRunsOnTheAlternateStack) {
  constexpr Gva kStack = kData + 0x10000;
  constexpr Gva kRequest = kData + 0x100;
  std::uint64_t handler = 0, restorer = 0, rsp = 0;
  std::int64_t while_on_it = 0;
  script.call(SYS_sigaltstack, kRequest.value(), 0);
  install(SIGUSR1, handler, restorer, SA_ONSTACK);
  script.call(SYS_kill, 1, SIGUSR1);
  exit_with(0);
  handler = script.run([&](Registers &r, ScriptedCpu &) { rsp = r.rsp; });
  script.call(SYS_sigaltstack, kRequest.value(), 0); // not while it is in use
  script.keep(while_on_it);
  leave_handler(restorer);
  restorer = script.call(SYS_rt_sigreturn);
  boot(1);
  write(kRequest, kernel::SignalStack{kStack.value(), 0, 0, 0x4000});
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_GT(rsp, kStack.value());
  EXPECT_LT(rsp, kStack.value() + 0x4000);
  EXPECT_EQ(while_on_it, -EPERM);
}

TEST_F(SignalFrameTest, ABadStackIsTheEnd) {
  std::uint64_t handler = 0, restorer = 0;
  install(SIGSEGV, handler, restorer, 0);
  script.run([](Registers &r, ScriptedCpu &) { r.rsp = kWild.value(); });
  script.add([this](Registers &, ScriptedCpu &) -> std::optional<VmExit> { return write_fault(kWild); });
  handler = restorer = script.here();
  exit_with(0);
  boot(1);
  const auto result = finish();
  EXPECT_EQ(result.signal, SIGSEGV);
  EXPECT_EQ(result.exit_code, 139);
}

TEST_F(SignalFrameTest, AFrameThatWouldJumpIntoTheKernelIsRefused) {
  std::uint64_t handler = 0, restorer = 0;
  install(SIGUSR1, handler, restorer, 0);
  script.call(SYS_kill, 1, SIGUSR1);
  exit_with(0);
  handler = script.run([&](Registers &r, ScriptedCpu &) {
    auto frame = read<SignalFrame>(Gva(r.rsp));
    frame.context.state.rip = 0x8000'0000'0000'0000;
    write(Gva(r.rsp), frame);
  });
  leave_handler(restorer);
  restorer = script.call(SYS_rt_sigreturn);
  boot(1);
  EXPECT_EQ(finish().signal, SIGSEGV);
}

TEST_F(SignalFrameTest, FlagsOfTheSystemCannotBeSet) {
  std::uint64_t handler = 0, restorer = 0, flags = 0;
  install(SIGUSR1, handler, restorer, 0);
  script.call(SYS_kill, 1, SIGUSR1);
  script.run([&](Registers &r, ScriptedCpu &) { flags = r.rflags; });
  exit_with(0);
  handler = script.run([&](Registers &r, ScriptedCpu &) {
    auto frame = read<SignalFrame>(Gva(r.rsp));
    frame.context.state.rflags = ~0ull & ~0x100ull;
    frame.context.state.cs = 0;
    frame.context.state.ss = 0xffff;
    write(Gva(r.rsp), frame);
  });
  leave_handler(restorer);
  restorer = script.call(SYS_rt_sigreturn);
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(flags & 0x3000, 0u); // IOPL
  EXPECT_EQ(flags & 0x202, 0x202u);
  EXPECT_EQ(flags & ~0x50fd7ull & ~0x200ull, 0u);
}

// Hostile images: the processor must never be given reserved bits.
TEST_F(SignalFrameTest, VectorStateFromAProgramIsMadeHarmless) {
  boot(1);
  const std::uint32_t size = processors.front()->xsave_size();
  const kernel::FpuState &initial = processors.front()->initial_fpu();
  kernel::FpuState out{};
  constexpr Gva kImage = kData + 0x1000;
  std::vector<std::byte> image = kernel::xstate_to_frame(initial, size);
  std::memset(image.data() + 512, 0xff, 64); // XSTATE_BV, XCOMP_BV and what is reserved
  std::memset(image.data() + 24, 0xff, 8);   // MXCSR and its mask
  ASSERT_EQ(fault::copy_out(*space, kImage, image), image.size());
  ASSERT_TRUE(kernel::xstate_from_frame(*space, kImage, size, initial, out));
  std::array<std::uint64_t, 8> header{};
  std::memcpy(header.data(), out.xsave.data() + 512, 64);
  EXPECT_EQ(header[0], kernel::xstate_components(size));
  EXPECT_EQ(header[1], 0u);
  EXPECT_EQ(header[7], 0u);
  std::uint32_t mxcsr = 0;
  std::memcpy(&mxcsr, out.xsave.data() + 24, 4);
  EXPECT_EQ(mxcsr & ~0xffffu, 0u);
  // No image at all: the initial state. An unreadable one: refused.
  ASSERT_TRUE(kernel::xstate_from_frame(*space, Gva(0), size, initial, out));
  EXPECT_EQ(out.xsave, initial.xsave);
  EXPECT_FALSE(kernel::xstate_from_frame(*space, kWild, size, initial, out));
}

} // namespace
} // namespace pagoda::test
