// The virtual processor on the real /dev/kvm: every way out of a program and back, what it keeps and
// what it hides.
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <x86intrin.h>

#include "vmm/doctor/bare_guest.hpp"
#include "vmm/kvm_cpu.hpp"
#include "vmm/process_vm.hpp"
#include "vmm/vdso_slot.hpp"

// Guest code; a routine is entered at its label and lies in one page at doctor::kProbeCode.
asm(R"(
    .pushsection .rodata
    .balign 16
    .globl cpu_test_begin, cpu_test_end
cpu_test_begin:
    .globl cpu_test_call, cpu_test_identity, cpu_test_read, cpu_test_write, cpu_test_spin, cpu_test_count
    .globl cpu_test_ud2, cpu_test_div, cpu_test_int3, cpu_test_hlt, cpu_test_in, cpu_test_in_stub, cpu_test_out_stub
    .globl cpu_test_cli, cpu_test_int80, cpu_test_fs, cpu_test_gs, cpu_test_xmm_set, cpu_test_xmm_get
    .globl cpu_test_nop, cpu_test_tids, cpu_test_lsl, cpu_test_rdtsc, cpu_test_jump, cpu_test_wait, cpu_test_vmcall
cpu_test_call:      syscall; mov %rax, %rbx; mov $1000, %eax; syscall
cpu_test_identity:  mov $39, %eax; syscall; mov %rax, %rbx; mov $186, %eax; syscall; mov %rax, %r12
                    mov $1000, %eax; syscall
cpu_test_read:      mov (%rdi), %rbx; mov $1000, %eax; syscall
cpu_test_write:     mov %rsi, (%rdi); mov $1000, %eax; syscall
cpu_test_spin:      jmp cpu_test_spin
cpu_test_count:     lock incq (%rdi); dec %rsi; jnz cpu_test_count; mov $1000, %eax; syscall
cpu_test_ud2:       ud2
cpu_test_div:       xor %ecx, %ecx; div %ecx
cpu_test_int3:      int3
cpu_test_hlt:       hlt
cpu_test_in:        in $0x60, %al
cpu_test_in_stub:   in $0xe0, %al
cpu_test_out_stub:  out %al, $0xe0
cpu_test_cli:       cli
cpu_test_int80:     int $0x80; mov $1000, %eax; syscall
cpu_test_vmcall:    vmcall; mov $1000, %eax; syscall
cpu_test_fs:        mov %fs:0, %rbx; mov $1000, %eax; syscall; mov %fs:8, %rbx; mov $1000, %eax; syscall
cpu_test_gs:        mov %gs:0, %rbx; mov $1000, %eax; syscall; mov %gs:8, %rbx; mov $1000, %eax; syscall
cpu_test_xmm_set:   movq %rdi, %xmm7; mov $1000, %eax; syscall
cpu_test_xmm_get:   movq %xmm7, %rbx; mov $1000, %eax; syscall
cpu_test_nop:       nop; nop; nop; ud2
cpu_test_tids:      mov $186, %eax; syscall; cmp %rax, %r12; jne 1f; dec %rbx; jnz cpu_test_tids
                    mov $1000, %eax; syscall
1:                  mov $1001, %eax; syscall
cpu_test_lsl:       mov $0x7b, %ecx; lsl %ecx, %ebx; mov $1000, %eax; syscall
cpu_test_rdtsc:     rdtsc; shl $32, %rdx; or %rax, %rdx; mov %rdx, %rbx; mov $1000, %eax; syscall
cpu_test_jump:      jmp *%rdi
cpu_test_wait:      mov (%rdi), %rbx; cmp %rbx, %rsi; je cpu_test_wait; mov $1000, %eax; syscall
cpu_test_end:
    .popsection
)");

extern "C" {
extern const std::byte cpu_test_begin[], cpu_test_end[], cpu_test_call[], cpu_test_identity[], cpu_test_read[],
    cpu_test_write[], cpu_test_spin[], cpu_test_count[], cpu_test_ud2[], cpu_test_div[], cpu_test_int3[],
    cpu_test_hlt[], cpu_test_in[], cpu_test_in_stub[], cpu_test_out_stub[], cpu_test_cli[], cpu_test_int80[],
    cpu_test_fs[], cpu_test_gs[], cpu_test_xmm_set[], cpu_test_xmm_get[], cpu_test_nop[], cpu_test_tids[],
    cpu_test_lsl[], cpu_test_rdtsc[], cpu_test_jump[], cpu_test_wait[], cpu_test_vmcall[];
}

namespace pagoda::vmm {
namespace {

using doctor::BareGuest;
using doctor::kProbeCode;
using doctor::kProbeDone;
using doctor::kProbeStack;
using kernel::Registers;
using kernel::RunTarget;
using kernel::VmExit;
using Kind = VmExit::Kind;

constexpr Prot kUserRead = Prot::Read | Prot::User;
constexpr Prot kUserWrite = kUserRead | Prot::Write;
constexpr Gva kData{0x50'0000'0000};
constexpr Gva kNowhere{0x60'0000'0000};

class CpuTest : public testing::Test {
protected:
  void SetUp() override {
    ProcessVmConfig config;
    config.memory_bytes = 16ull << 20;
    config.cpus = 2;
    auto vm = ProcessVm::create(config);
    ASSERT_TRUE(vm.has_value()) << vm.error().text;
    vm_ = std::move(*vm);
    auto guest = BareGuest::create(*vm_, {cpu_test_begin, cpu_test_end});
    ASSERT_TRUE(guest.has_value());
    guest_ = std::move(*guest);
    cpu().adopt_thread();
  }

  KvmCpu &cpu(unsigned index = 0) { return vm_->cpu(index); }
  static Registers at(const std::byte *label) { return BareGuest::at(std::uint64_t(label - cpu_test_begin)); }
  VmExit run(Registers &registers) { return cpu().run(registers, guest_->target()); }
  std::byte *add_page(Gva gva, Prot prot = kUserWrite) {
    auto frame = guest_->add_page(gva, prot);
    return frame ? guest_->host(*frame) : nullptr;
  }
  bool pvm() const { return vm_->host_kind() == HostKind::Pvm; }

  std::unique_ptr<ProcessVm> vm_;
  std::unique_ptr<BareGuest> guest_;
};

void fill(Registers &r, std::uint64_t seed) {
  r.rbx = seed + 1, r.rdx = seed + 2, r.rsi = seed + 3, r.rdi = seed + 4, r.rbp = seed + 5;
  r.r8 = seed + 8, r.r9 = seed + 9, r.r10 = seed + 10, r.r12 = seed + 12, r.r13 = seed + 13, r.r14 = seed + 14,
  r.r15 = seed + 15;
}

bool same_but_call_clobbered(const Registers &a, const Registers &b) {
  return a.rbx == b.rbx && a.rdx == b.rdx && a.rsi == b.rsi && a.rdi == b.rdi && a.rbp == b.rbp && a.rsp == b.rsp &&
         a.r8 == b.r8 && a.r9 == b.r9 && a.r10 == b.r10 && a.r12 == b.r12 && a.r13 == b.r13 && a.r14 == b.r14 &&
         a.r15 == b.r15;
}

TEST_F(CpuTest, SystemCallKeepsEveryRegisterAndReturnsItsResult) {
  Registers registers = at(cpu_test_call);
  fill(registers, 0x1111'0000'0000'0000);
  registers.rax = 60;
  const Registers before = registers;
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rax, 60u);
  EXPECT_EQ(registers.rip, before.rip + 2);
  EXPECT_EQ(registers.rcx, registers.rip);
  EXPECT_EQ(registers.r11, registers.rflags);
  EXPECT_TRUE(same_but_call_clobbered(before, registers));
  registers.rax = 0xfeed'f00d'1234'5678;
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rbx, 0xfeed'f00d'1234'5678u);
}

TEST_F(CpuTest, IdentityIsAnsweredWithoutAnExitAndWithoutTouchingFlags) {
  constexpr std::uint64_t kFlags = 0x202 | 1 | 0x40 | 0x800; // CF, ZF and OF
  for (std::uint32_t id = 100; id < 110; ++id) {
    Registers registers = at(cpu_test_identity);
    registers.rflags = kFlags;
    const std::uint64_t entries = cpu().entries();
    RunTarget target = guest_->target();
    target.pid = id;
    target.tid = id + 1000;
    ASSERT_EQ(cpu().run(registers, target).kind, Kind::SystemCall);
    EXPECT_EQ(registers.rax, kProbeDone);
    EXPECT_EQ(registers.rbx, id);
    EXPECT_EQ(registers.r12, id + 1000);
    EXPECT_EQ(registers.rflags & 0xcd5, kFlags & 0xcd5);
    EXPECT_EQ(cpu().entries(), entries + 1);
  }
}

TEST_F(CpuTest, PageFaultNamesAddressAccessAndInstructionAndIsRetried) {
  Registers registers = at(cpu_test_read);
  fill(registers, 7);
  registers.rdi = kNowhere.value() + 0x123;
  const Registers before = registers;
  VmExit exit = run(registers);
  ASSERT_EQ(exit.kind, Kind::PageFault);
  EXPECT_EQ(exit.address, kNowhere + 0x123);
  EXPECT_EQ(exit.access, Access::Read);
  EXPECT_EQ(exit.error_code, 4u);
  EXPECT_EQ(registers.rip, before.rip);
  EXPECT_EQ(registers.rcx, before.rcx);
  EXPECT_EQ(registers.r11, before.r11);
  EXPECT_TRUE(same_but_call_clobbered(before, registers));

  std::byte *host = add_page(kNowhere, kUserRead);
  ASSERT_NE(host, nullptr);
  const std::uint64_t value = 0x0123'4567'89ab'cdef;
  std::memcpy(host + 0x123, &value, sizeof value);
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rbx, value);

  registers = at(cpu_test_write);
  registers.rdi = kNowhere.value();
  exit = run(registers);
  ASSERT_EQ(exit.kind, Kind::PageFault);
  EXPECT_EQ(exit.access, Access::Write);
  EXPECT_EQ(exit.error_code, 7u);

  registers = at(cpu_test_jump);
  registers.rdi = kNowhere.value();
  exit = run(registers);
  ASSERT_EQ(exit.kind, Kind::PageFault);
  EXPECT_EQ(exit.access, Access::Execute);
  EXPECT_EQ(registers.rip, kNowhere.value());
}

TEST_F(CpuTest, ExceptionsNameTheirVectorAndInstruction) {
  struct Row {
    const std::byte *label;
    unsigned vector, offset;
  };
  const Row rows[] = {{cpu_test_ud2, 6, 0},  {cpu_test_div, 0, 2}, {cpu_test_int3, 3, 1},
                      {cpu_test_hlt, 13, 0}, {cpu_test_in, 13, 0}, {cpu_test_cli, 13, 0}};
  for (const Row &row : rows) {
    Registers registers = at(row.label);
    const Registers before = registers;
    const VmExit exit = run(registers);
    ASSERT_EQ(exit.kind, Kind::Exception) << row.vector << ' ' << exit.failure;
    EXPECT_EQ(unsigned(exit.vector), row.vector);
    EXPECT_EQ(registers.rip, before.rip + row.offset) << row.vector;
    EXPECT_EQ(registers.rsp, before.rsp);
  }
}

TEST_F(CpuTest, TheStubsPortIsNotForPrograms) {
  for (const std::byte *label : {cpu_test_in_stub, cpu_test_out_stub}) {
    Registers registers = at(label);
    registers.rax = 0x55;
    const std::uint64_t rip = registers.rip;
    const VmExit exit = run(registers);
    ASSERT_EQ(exit.kind, Kind::Exception) << exit.failure;
    EXPECT_EQ(exit.vector, 13);
    EXPECT_EQ(registers.rip, rip);
    EXPECT_EQ(registers.rax, 0x55u) << "nothing was read";
    registers = at(cpu_test_identity);
    EXPECT_EQ(run(registers).kind, Kind::SystemCall) << "the processor goes on";
  }
}

TEST_F(CpuTest, ForeignDoorsLeadNowhere) {
  for (const std::byte *label : {cpu_test_int80, cpu_test_vmcall}) {
    Registers registers = at(label);
    const VmExit exit = run(registers);
    // Refused, or without effect: never a failure, never another program's memory.
    EXPECT_TRUE(exit.kind == Kind::Exception || (exit.kind == Kind::SystemCall && registers.rax == kProbeDone))
        << int(exit.kind) << ' ' << exit.failure;
  }
}

TEST_F(CpuTest, ASingleStepEndsBehindTheNextInstruction) {
  Registers registers = at(cpu_test_nop);
  registers.rflags |= 0x100;
  const std::uint64_t begin = registers.rip;
  for (unsigned step = 1; step <= 3; ++step) {
    const VmExit exit = run(registers);
    ASSERT_EQ(exit.kind, Kind::Exception);
    ASSERT_EQ(exit.vector, 1);
    EXPECT_EQ(registers.rip, begin + step);
    EXPECT_NE(registers.rflags & 0x100, 0u);
  }
}

TEST_F(CpuTest, RegistersThatNoProcessorTakesAreAProtectionFault) {
  for (int which = 0; which < 3; ++which) {
    Registers registers = at(cpu_test_nop);
    (which == 0 ? registers.rip : which == 1 ? registers.fs_base : registers.gs_base) = 0x1234'0000'0000'0000;
    const VmExit exit = run(registers);
    EXPECT_EQ(exit.kind, Kind::Exception);
    EXPECT_EQ(exit.vector, 13);
  }
  Registers registers = at(cpu_test_jump);
  registers.rdi = 0x1234'0000'0000'0000;
  EXPECT_EQ(run(registers).vector, 13);
  registers = at(cpu_test_identity);
  registers.rflags = ~0ull & ~0x100ull; // IOPL 3, VM, what not: only a program's own flags count
  EXPECT_EQ(run(registers).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rflags & 0x3000, 0u);
  registers = at(cpu_test_cli);
  registers.rflags = 0x3202;
  EXPECT_EQ(run(registers).vector, 13);
}

TEST_F(CpuTest, TheRedZoneIsNeverTouched) {
  constexpr Gva kStack{0x70'0000'0000};
  std::byte *host = add_page(kStack);
  ASSERT_NE(host, nullptr);
  for (unsigned i = 0; i < kPageSize; ++i) host[i] = std::byte(i * 7 + 3);
  const std::vector<std::byte> before(host, host + kPageSize);
  for (const std::byte *label :
       {cpu_test_call, cpu_test_identity, cpu_test_ud2, cpu_test_int3, cpu_test_hlt, cpu_test_read, cpu_test_div}) {
    Registers registers = at(label);
    registers.rsp = kStack.value() + kPageSize / 2;
    registers.rdi = kNowhere.value();
    (void)run(registers);
    EXPECT_EQ(registers.rsp, kStack.value() + kPageSize / 2);
  }
  EXPECT_EQ(std::memcmp(host, before.data(), kPageSize), 0);
  Registers registers = at(cpu_test_read);
  registers.rsp = 0x1; // no stack at all
  registers.rdi = kNowhere.value();
  EXPECT_EQ(run(registers).kind, Kind::PageFault);
  EXPECT_EQ(registers.rsp, 0x1u);
}

TEST_F(CpuTest, ThreadPointersBelongToTheTask) {
  std::byte *host = add_page(kData);
  ASSERT_NE(host, nullptr);
  for (std::uint64_t i = 0; i < 512; ++i) std::memcpy(host + i * 8, &i, sizeof i);
  Registers one = at(cpu_test_fs), two = at(cpu_test_gs);
  one.fs_base = kData.value() + 8 * 10, one.gs_base = kData.value() + 8 * 20;
  two.fs_base = kData.value() + 8 * 30, two.gs_base = kData.value() + 8 * 40;
  RunTarget first = guest_->target(), second = first;
  second.tid = 2;
  for (std::uint64_t round = 0; round < 2; ++round) {
    ASSERT_EQ(cpu().run(one, first).kind, Kind::SystemCall);
    ASSERT_EQ(cpu().run(two, second).kind, Kind::SystemCall);
    EXPECT_EQ(one.rbx, 10 + round);
    EXPECT_EQ(two.rbx, 40 + round);
  }
  EXPECT_EQ(one.fs_base, kData.value() + 8 * 10);
  EXPECT_EQ(two.gs_base, kData.value() + 8 * 40);
}

TEST_F(CpuTest, VectorStateMovesWithSaveAndLoad) {
  auto one = std::make_unique<kernel::FpuState>(), two = std::make_unique<kernel::FpuState>();
  cpu().load_fpu(cpu().initial_fpu());
  Registers registers = at(cpu_test_xmm_set);
  registers.rdi = 0x1111;
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  cpu().save_fpu(*one);
  registers = at(cpu_test_xmm_set);
  registers.rdi = 0x2222;
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  cpu().save_fpu(*two);
  const auto seen = [&] {
    registers = at(cpu_test_xmm_get);
    EXPECT_EQ(run(registers).kind, Kind::SystemCall);
    return registers.rbx;
  };
  EXPECT_EQ(seen(), 0x2222u);
  cpu().load_fpu(*one);
  EXPECT_EQ(seen(), 0x1111u);
  cpu().load_fpu(*two);
  EXPECT_EQ(seen(), 0x2222u);
  cpu().load_fpu(cpu().initial_fpu());
  EXPECT_EQ(seen(), 0u);
  EXPECT_GE(cpu().xsave_size(), 576u);
  EXPECT_LE(cpu().xsave_size(), sizeof(kernel::FpuState::xsave));
}

TEST_F(CpuTest, TwoProcessorsShareMemory) {
  constexpr std::uint64_t kRounds = 50'000;
  std::byte *host = add_page(kData);
  ASSERT_NE(host, nullptr);
  std::vector<std::thread> threads;
  std::atomic<unsigned> done{0};
  for (unsigned index = 0; index < 2; ++index) {
    threads.emplace_back([&, index] {
      cpu(index).adopt_thread();
      Registers registers = at(cpu_test_count);
      registers.rdi = kData.value();
      registers.rsi = kRounds;
      RunTarget target = guest_->target();
      target.tid = index + 1;
      if (cpu(index).run(registers, target).kind == Kind::SystemCall) ++done;
    });
  }
  for (auto &thread : threads) thread.join();
  std::uint64_t count = 0;
  std::memcpy(&count, host, sizeof count);
  EXPECT_EQ(done, 2u);
  EXPECT_EQ(count, 2 * kRounds);
}

TEST_F(CpuTest, AKickEndsASpinningProgramAndIsNeverLost) {
  for (int round = 0; round < 50; ++round) {
    std::thread kicker([&] {
      if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 40));
      cpu().kick();
    });
    Registers registers = at(cpu_test_spin);
    EXPECT_EQ(run(registers).kind, Kind::Kicked);
    EXPECT_EQ(registers.rip, at(cpu_test_spin).rip);
    kicker.join();
  }
  cpu().kick();
  Registers registers = at(cpu_test_identity);
  EXPECT_EQ(run(registers).kind, Kind::Kicked) << "a kick before the run counts for it";
  EXPECT_EQ(run(registers).kind, Kind::SystemCall) << "and only for it";
}

// A task that moves between processors at random moments, also from within the stub, must always be
// told its own tid.
TEST_F(CpuTest, InterruptedCallsAreNeitherLostNorMixedUp) {
  cpu(1).adopt_thread();
  constexpr std::uint32_t kTid = 4242;
  constexpr std::uint64_t kCallsARound = 20'000;
  constexpr unsigned kKicks = 20; // at least, however fast this machine is
  const auto fresh = [&] {
    Registers registers = at(cpu_test_tids);
    registers.rbx = kCallsARound;
    registers.r12 = kTid;
    return registers;
  };
  RunTarget mine = guest_->target(), theirs = mine;
  mine.tid = kTid;
  theirs.tid = 99;
  std::atomic<bool> end{false};
  std::thread kicker([&] {
    while (!end) {
      std::this_thread::sleep_for(std::chrono::microseconds(150));
      cpu(0).kick();
      cpu(1).kick();
    }
  });
  unsigned kicks = 0, calls = 0, rounds = 0;
  bool right = true;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  Registers registers = fresh();
  for (unsigned index = 0; right && (kicks < kKicks || rounds < 2); index ^= 1) {
    const VmExit exit = cpu(index).run(registers, mine);
    if (exit.kind == Kind::Kicked) {
      ++kicks;
    } else if (exit.kind == Kind::SystemCall && registers.rax == 186) {
      ++calls; // interrupted before its answer: the kernel answers
      registers.rax = kTid;
    } else {
      right = exit.kind == Kind::SystemCall && registers.rax == kProbeDone && registers.rbx == 0;
      EXPECT_TRUE(right) << "round " << rounds << ", " << kicks << " kicks, " << calls << " calls: exit "
                         << int(exit.kind) << ' ' << exit.failure << ", rax " << registers.rax
                         << " (1001: a wrong tid)";
      registers = fresh();
      ++rounds;
    }
    Registers other = at(cpu_test_identity);
    (void)cpu(index).run(other, theirs); // somebody else's identity is left behind here
    right = right && std::chrono::steady_clock::now() < deadline;
  }
  end = true;
  kicker.join();
  EXPECT_GE(kicks, kKicks) << rounds << " rounds";
}

TEST_F(CpuTest, TheKernelHalfIsHidden) {
  for (unsigned page = 0; page < abi::cpu_page(2); ++page) {
    const bool entry_page = pvm() && (page == abi::cpu_page(0) || page == abi::cpu_page(1));
    Registers registers = at(cpu_test_write);
    registers.rdi = abi::page(page).value() + 8;
    EXPECT_EQ(run(registers).kind, Kind::PageFault) << "written: page " << page;
    if (entry_page) continue;
    registers = at(cpu_test_read);
    registers.rdi = abi::page(page).value() + 8;
    EXPECT_EQ(run(registers).kind, Kind::PageFault) << "read: page " << page;
    registers = at(cpu_test_jump);
    registers.rdi = abi::page(page).value();
    EXPECT_EQ(run(registers).kind, Kind::PageFault) << "executed: page " << page;
  }
}

TEST_F(CpuTest, TheCpuNumberIsInTheSegmentLimit) {
  if (pvm()) {
    EXPECT_EQ(vm_->host_kind(), HostKind::Pvm); // programs see the host's own descriptor table there
    return;
  }
  cpu(1).adopt_thread();
  for (unsigned index = 0; index < 2; ++index) {
    Registers registers = at(cpu_test_lsl);
    ASSERT_EQ(cpu(index).run(registers, guest_->target()).kind, Kind::SystemCall);
    EXPECT_EQ(registers.rbx & 0xfff, index);
  }
}

TEST_F(CpuTest, TheTimeStampCounterIsTheHostsWhereTheVdsoIsShared) {
  if (!vm_->platform().vdso) {
    EXPECT_FALSE(vm_->platform().vdso.has_value());
    return;
  }
  const std::uint64_t before = __rdtsc();
  Registers registers = at(cpu_test_rdtsc);
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  const std::uint64_t after = __rdtsc();
  EXPECT_GE(registers.rbx, before);
  EXPECT_LE(registers.rbx, after);
}

TEST_F(CpuTest, TheVdsoSlotShowsTheHostsCode) {
  const auto slot = vm_->platform().vdso;
  if (!slot) GTEST_SKIP() << "this host has no vDSO to share";
  const Gfn code = slot->first + slot->vvar_pages;
  ASSERT_TRUE(guest_->table().map(kData, code, kUserRead).has_value());
  Registers registers = at(cpu_test_read);
  registers.rdi = kData.value();
  ASSERT_EQ(run(registers).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rbx & 0xffff'ffff, 0x464c'457fu) << "not an ELF image";
}

TEST_F(CpuTest, AWriteToAReadOnlySlotIsAFaultOfTheProgram) {
  const auto slot = vm_->platform().vdso;
  if (!slot) GTEST_SKIP() << "this host has no read-only slot";
  ASSERT_TRUE(guest_->table().map(kData, slot->first + slot->vvar_pages, kUserWrite).has_value());
  Registers registers = at(cpu_test_write);
  registers.rdi = kData.value();
  const VmExit exit = run(registers);
  EXPECT_EQ(exit.kind, Kind::Exception) << exit.failure;
  registers = at(cpu_test_identity);
  EXPECT_EQ(run(registers).kind, Kind::SystemCall) << "the processor goes on";
}

// The portable way out of an exception works on every kind of host, also where another is chosen.
TEST(ExceptionPathTest, GatesWorkEverywhere) {
  ProcessVmConfig config;
  config.memory_bytes = 8ull << 20;
  config.exceptions = ExceptionPath::Gate;
  auto vm = ProcessVm::create(config);
  ASSERT_TRUE(vm.has_value()) << vm.error().text;
  auto guest = BareGuest::create(**vm, {cpu_test_begin, cpu_test_end});
  ASSERT_TRUE(guest.has_value());
  (*vm)->cpu(0).adopt_thread();
  const auto run = [&](Registers &registers) { return (*vm)->cpu(0).run(registers, (*guest)->target()); };
  const auto at = [](const std::byte *label) { return BareGuest::at(std::uint64_t(label - cpu_test_begin)); };
  Registers registers = at(cpu_test_read);
  registers.rdi = kNowhere.value();
  const std::uint64_t rip = registers.rip;
  VmExit exit = run(registers);
  EXPECT_EQ(exit.kind, Kind::PageFault) << exit.failure;
  EXPECT_EQ(exit.address, kNowhere);
  EXPECT_EQ(registers.rip, rip);
  registers = at(cpu_test_int3);
  EXPECT_EQ(run(registers).vector, 3);
  registers = at(cpu_test_identity);
  exit = run(registers);
  EXPECT_EQ(exit.kind, Kind::SystemCall) << exit.failure;
  EXPECT_EQ(registers.rax, kProbeDone);
  EXPECT_EQ(registers.rbx, 1u);
}

TEST(ExceptionPathTest, ShutdownIsForPvmAlone) {
  ProcessVmConfig config;
  config.memory_bytes = 8ull << 20;
  config.exceptions = ExceptionPath::Shutdown;
  const auto vm = ProcessVm::create(config);
  if (vm.has_value()) {
    EXPECT_EQ((*vm)->host_kind(), HostKind::Pvm);
  } else {
    EXPECT_EQ(vm.error().problem, HostError::Problem::MissingCapability);
  }
}

TEST(ProcessVmTest, LeavesNothingBehind) {
  const auto descriptors = [] {
    const auto begin = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin, std::filesystem::directory_iterator{});
  };
  ProcessVmConfig config;
  config.memory_bytes = 8ull << 20;
  ASSERT_TRUE(ProcessVm::create(config).has_value());
  const auto before = descriptors();
  for (const Backing backing : {Backing::Anonymous, Backing::Memfd, Backing::Anonymous}) {
    config.backing = backing;
    auto vm = ProcessVm::create(config);
    ASSERT_TRUE(vm.has_value()) << vm.error().text;
    const SetupTimes &times = (*vm)->setup_times();
    EXPECT_EQ(times.total, times.probe + times.create_vm + times.backing + times.slots + times.carrier +
                               times.kernel_half + times.vcpus + times.vdso);
  }
  EXPECT_EQ(descriptors(), before);
}

TEST(ProcessVmTest, MemoryBeyondTheHoleIsUsable) {
  ProcessVmConfig config;
  config.memory_bytes = 5ull << 30;
  auto vm = ProcessVm::create(config);
  ASSERT_TRUE(vm.has_value()) << vm.error().text;
  auto guest = BareGuest::create(**vm, {cpu_test_begin, cpu_test_end});
  ASSERT_TRUE(guest.has_value());
  const Gfn high = *(*guest)->add_frame();
  ASSERT_GE(high, Gfn::of(Gpa(4ull << 30))) << "NORMAL is used up first";
  (*guest)->host(high)[0] = std::byte{0x5a};
  ASSERT_TRUE((*guest)->table().map(kData, high, kUserRead).has_value());
  (*vm)->cpu(0).adopt_thread();
  Registers registers = BareGuest::at(std::uint64_t(cpu_test_read - cpu_test_begin));
  registers.rdi = kData.value();
  ASSERT_EQ((*vm)->cpu(0).run(registers, (*guest)->target()).kind, Kind::SystemCall);
  EXPECT_EQ(registers.rbx, 0x5au);
}

} // namespace
} // namespace pagoda::vmm
