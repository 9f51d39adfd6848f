// decode(): every way out of a guest, driven without KVM.
#include "vmm/exit.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>

namespace pagoda::vmm {
namespace {

using kernel::VmExit;
using Disposition = DecodedExit::Disposition;

constexpr std::uint64_t kUserRip = 0x401000, kUserRsp = 0x7fff'0000, kUserFlags = 0x246;

class ExitTest : public testing::Test {
protected:
  ExitTest() {
    std::memset(run_.get(), 0, sizeof(kvm_run));
    context_.stack_top = stack_.data() + stack_.size();
    in_program();
  }

  kvm_sync_regs &state() { return run_->s.regs; }
  void in_program() {
    state().regs.rip = kUserRip;
    state().regs.rsp = kUserRsp;
    state().regs.rflags = kUserFlags;
    state().sregs.cs.selector = abi::kUserCode;
  }
  // As the processor leaves it at the entry of `vector`.
  void at_vector(unsigned vector, std::uint64_t error_code = 0, std::uint16_t cs = abi::kUserCode) {
    state().regs.rip = abi::vector_entry(vector).value();
    state().sregs.cs.selector = abi::kKernelCode;
    const abi::ExceptionFrame frame{kUserRip, cs, kUserFlags, kUserRsp, abi::kUserData};
    std::memcpy(stack_.data() + stack_.size() - sizeof frame, &frame, sizeof frame);
    std::memcpy(stack_.data() + stack_.size() - sizeof frame - 8, &error_code, 8);
  }
  void frame_rip(std::uint64_t rip) {
    std::memcpy(stack_.data() + stack_.size() - sizeof(abi::ExceptionFrame), &rip, sizeof rip);
  }
  void in_syscall_entry(stub::SyscallEntry entry, std::uint64_t offset) {
    context_.entry = entry;
    state().regs.rip = abi::syscall_entry(context_.cpu).value() + offset;
    state().sregs.cs.selector = entry == stub::SyscallEntry::Cpl0 ? abi::kKernelCode : abi::kUserCode;
  }
  void out_exit(std::uint16_t port = abi::kStubPort) {
    run_->exit_reason = KVM_EXIT_IO;
    run_->io.direction = KVM_EXIT_IO_OUT;
    run_->io.port = port;
  }
  DecodedExit decoded(int error = 0) { return decode(*run_, error, context_); }

  std::unique_ptr<kvm_run> run_ = std::make_unique<kvm_run>();
  std::array<std::byte, 4096> stack_{};
  ExitContext context_;
};

TEST_F(ExitTest, PageFaultComesFromTheFrame) {
  at_vector(14, 6);
  out_exit();
  state().sregs.cr2 = 0xdeadb000;
  const auto result = decoded();
  EXPECT_EQ(result.disposition, Disposition::Report);
  EXPECT_EQ(result.exit.kind, VmExit::Kind::PageFault);
  EXPECT_EQ(result.exit.address, Gva(0xdeadb000));
  EXPECT_EQ(result.exit.access, Access::Write);
  EXPECT_EQ(result.exit.error_code, 6u);
  EXPECT_EQ(result.registers.rip, kUserRip);
  EXPECT_EQ(result.registers.rsp, kUserRsp);
  EXPECT_EQ(result.registers.rflags, kUserFlags);
}

TEST_F(ExitTest, AccessFollowsTheErrorCode) {
  out_exit();
  at_vector(14, 4);
  EXPECT_EQ(decoded().exit.access, Access::Read);
  at_vector(14, 0x15);
  EXPECT_EQ(decoded().exit.access, Access::Execute);
}

TEST_F(ExitTest, ExceptionWithAndWithoutErrorCode) {
  out_exit();
  at_vector(6, 0x1234);
  auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::Exception);
  EXPECT_EQ(result.exit.vector, 6);
  EXPECT_EQ(result.exit.error_code, 0u) << "vector 6 pushes none";
  at_vector(13, 0x402);
  result = decoded();
  EXPECT_EQ(result.exit.vector, 13);
  EXPECT_EQ(result.exit.error_code, 0x402u);
}

TEST_F(ExitTest, AnInterruptionAtAnEntryIsThatException) {
  at_vector(14, 4);
  const auto result = decoded(EINTR);
  EXPECT_EQ(result.disposition, Disposition::Report);
  EXPECT_EQ(result.exit.kind, VmExit::Kind::PageFault);
}

TEST_F(ExitTest, AnInterruptionInTheProgramIsNothing) {
  const auto result = decoded(EINTR);
  EXPECT_EQ(result.disposition, Disposition::Interrupted);
  EXPECT_EQ(result.registers.rip, kUserRip);
}

TEST_F(ExitTest, SystemCallAtCpl0TakesReturnAndFlagsFromTheEntry) {
  in_syscall_entry(stub::SyscallEntry::Cpl0, 0);
  out_exit();
  state().regs.rax = 1;
  state().regs.rcx = 0x402000;
  state().regs.r11 = 0x293;
  state().regs.rflags = 2;
  const auto result = decoded();
  EXPECT_EQ(result.disposition, Disposition::Report);
  EXPECT_EQ(result.exit.kind, VmExit::Kind::SystemCall);
  EXPECT_EQ(result.registers.rax, 1u);
  EXPECT_EQ(result.registers.rip, 0x402000u);
  EXPECT_EQ(result.registers.rflags, 0x293u);
  EXPECT_EQ(result.registers.rcx, result.registers.rip);
  EXPECT_EQ(result.registers.r11, result.registers.rflags);
}

TEST_F(ExitTest, SystemCallAtCpl3KeepsTheLiveFlags) {
  in_syscall_entry(stub::SyscallEntry::Cpl3, 0);
  state().regs.rcx = 0x402000;
  state().regs.r11 = 0x777;
  EXPECT_EQ(decoded(EINTR).registers.rip, 0x402000u) << "the first instruction has not run";
  in_syscall_entry(stub::SyscallEntry::Cpl3, 3);
  state().regs.rcx = 0x999;
  state().regs.r11 = 0x403000;
  out_exit();
  const auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::SystemCall);
  EXPECT_EQ(result.registers.rip, 0x403000u);
  EXPECT_EQ(result.registers.rflags, kUserFlags);
}

TEST_F(ExitTest, APageFaultOfTheEntryAtCpl3IsItsSystemCall) {
  in_syscall_entry(stub::SyscallEntry::Cpl3, 3);
  context_.shutdown_is_exception = true;
  run_->exit_reason = KVM_EXIT_SHUTDOWN;
  state().events.exception.nr = 14;
  state().regs.r11 = 0x403000;
  state().regs.rax = 1;
  state().regs.rflags = kUserFlags | 1u << 16;
  const auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::SystemCall);
  EXPECT_EQ(result.registers.rax, 1u);
  EXPECT_EQ(result.registers.rip, 0x403000u);
  EXPECT_EQ(result.registers.rflags, kUserFlags);
  EXPECT_EQ(result.registers.r11, kUserFlags);
}

TEST_F(ExitTest, AnswerIsNotLostToAnInterruption) {
  for (const auto entry : {stub::SyscallEntry::Cpl0, stub::SyscallEntry::Cpl3}) {
    bool answered = false;
    for (std::uint64_t offset = 0; offset < 128; ++offset) {
      const auto where = stub::syscall_position(entry, offset);
      if (where.state != stub::SyscallPosition::State::Answered) continue;
      answered = true;
      in_syscall_entry(entry, offset);
      state().regs.rax = 4711;
      state().regs.rcx = state().regs.r11 = 0x402000;
      const auto result = decoded(EINTR);
      EXPECT_EQ(result.disposition, Disposition::Interrupted);
      EXPECT_EQ(result.registers.rax, 4711u);
      EXPECT_EQ(result.registers.rip, 0x402000u);
    }
    EXPECT_TRUE(answered);
  }
}

TEST_F(ExitTest, StepOverASystemCallIsTheSystemCall) {
  at_vector(1);
  context_.entry = stub::SyscallEntry::Cpl3;
  frame_rip(abi::syscall_entry(0).value());
  state().regs.rcx = 0x402000;
  out_exit();
  const auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::SystemCall);
  EXPECT_EQ(result.registers.rip, 0x402000u);
}

TEST_F(ExitTest, AProgramsOwnPortAccessIsAProtectionFault) {
  for (const std::uint16_t port : {abi::kStubPort, std::uint16_t(0x60)}) {
    out_exit(port);
    const auto result = decoded();
    EXPECT_EQ(result.disposition, Disposition::CompleteAndReport);
    EXPECT_EQ(result.exit.kind, VmExit::Kind::Exception);
    EXPECT_EQ(result.exit.vector, 13);
    EXPECT_EQ(result.registers.rip, kUserRip);
  }
  run_->exit_reason = KVM_EXIT_MMIO;
  EXPECT_EQ(decoded().exit.vector, 13);
}

TEST_F(ExitTest, AnotherProcessorsEntryIsNoEntry) {
  in_syscall_entry(stub::SyscallEntry::Cpl3, 3);
  state().regs.rip = abi::syscall_entry(1).value() + 3;
  out_exit();
  EXPECT_EQ(decoded().exit.vector, 13);
}

TEST_F(ExitTest, ReturnToANonCanonicalAddressIsTheProgramsFault) {
  in_syscall_entry(stub::SyscallEntry::Cpl0, 0);
  std::uint64_t answered = 0;
  while (stub::syscall_position(stub::SyscallEntry::Cpl0, answered).state != stub::SyscallPosition::State::Answered)
    ++answered;
  at_vector(13, 0, abi::kKernelCode);
  frame_rip(abi::syscall_entry(0).value() + answered);
  state().regs.rcx = 0x8000'0000'0000;
  state().regs.r11 = kUserFlags;
  out_exit();
  const auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::Exception);
  EXPECT_EQ(result.exit.vector, 13);
  EXPECT_EQ(result.registers.rip, 0x8000'0000'0000u);
  EXPECT_EQ(result.registers.rsp, kUserRsp);
}

TEST_F(ExitTest, FailuresSayWhy) {
  out_exit();
  at_vector(8);
  EXPECT_EQ(decoded().exit.kind, VmExit::Kind::Failure);
  EXPECT_FALSE(decoded().exit.failure.empty());
  at_vector(14, 0, abi::kKernelCode);
  EXPECT_EQ(decoded().exit.kind, VmExit::Kind::Failure) << "a fault of the stub itself";
  in_program();
  for (const unsigned reason : {KVM_EXIT_SHUTDOWN, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_HLT, KVM_EXIT_DEBUG, 12345}) {
    run_->exit_reason = reason;
    EXPECT_EQ(decoded().exit.kind, VmExit::Kind::Failure) << reason;
    EXPECT_FALSE(decoded().exit.failure.empty());
  }
}

TEST_F(ExitTest, EmulationFailureOfAProgramIsAnInvalidOpcode) {
  run_->exit_reason = KVM_EXIT_INTERNAL_ERROR;
  run_->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
  EXPECT_EQ(decoded().exit.vector, 6);
  state().sregs.cs.selector = abi::kKernelCode;
  EXPECT_EQ(decoded().exit.kind, VmExit::Kind::Failure);
}

TEST_F(ExitTest, ShutdownCarriesTheExceptionWhereTheDescriptorTableIsEmpty) {
  context_.shutdown_is_exception = true;
  run_->exit_reason = KVM_EXIT_SHUTDOWN;
  state().events.exception.nr = 14;
  state().events.exception.has_error_code = 1;
  state().events.exception.error_code = 7;
  state().sregs.cr2 = 0x5000;
  auto result = decoded();
  EXPECT_EQ(result.exit.kind, VmExit::Kind::PageFault);
  EXPECT_EQ(result.exit.error_code, 7u);
  EXPECT_EQ(result.exit.address, Gva(0x5000));
  state().sregs.cs.selector = abi::kKernelCode;
  EXPECT_EQ(decoded().exit.kind, VmExit::Kind::Failure);
}

// Whatever lies in the run page, there is an answer: no crash, and no failure without a text.
TEST_F(ExitTest, AnyRunPageDecodes) {
  std::uint64_t seed = 7;
  const auto next = [&] { return seed = seed * 6364136223846793005ull + 1442695040888963407ull; };
  for (int round = 0; round < 20'000; ++round) {
    auto *words = reinterpret_cast<std::uint64_t *>(run_.get());
    for (std::size_t i = 0; i < sizeof(kvm_run) / 8; ++i) words[i] = next();
    run_->exit_reason = std::uint32_t(next() % 45);
    if (next() % 2 == 0) state().regs.rip = abi::page(unsigned(next() % 24)).value() + next() % 4096;
    context_.entry = next() % 2 == 0 ? stub::SyscallEntry::Cpl0 : stub::SyscallEntry::Cpl3;
    context_.shutdown_is_exception = next() % 2 == 0;
    const auto result = decoded(next() % 2 == 0 ? EINTR : 0);
    const bool failed = result.disposition == Disposition::Report && result.exit.kind == VmExit::Kind::Failure;
    ASSERT_TRUE(!failed || !result.exit.failure.empty());
    ASSERT_LT(result.exit.vector, abi::kVectors);
  }
}

} // namespace
} // namespace pagoda::vmm
