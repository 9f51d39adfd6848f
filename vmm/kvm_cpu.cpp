#include "vmm/kvm_cpu.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <sched.h>
#include <thread>

namespace pagoda::vmm {
namespace {

using kernel::Registers;
using kernel::VmExit;
using Disposition = DecodedExit::Disposition;

constexpr std::uint64_t kCr4Pge = 1u << 7;
constexpr std::uint64_t kUserFlags = 0x0025'4dd5; // CF PF AF ZF SF TF DF OF NT RF AC ID
constexpr std::uint64_t kFixedFlags = 0x202;      // IF and the bit that is always 1
constexpr unsigned kProtection = 13;
// How often KVM_RUN may refuse in a row before the host is given up: a page of the backing that
// another thread changes just now is back within microseconds.
constexpr int kQuickRetries = 100;
constexpr int kRetries = 1'000;

std::uint64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

bool canonical(std::uint64_t address) { return std::int64_t(address << 16) >> 16 == std::int64_t(address); }

// What VM entry would refuse; a processor raises a general protection fault for all of it.
bool enterable(const Registers &registers) {
  return canonical(registers.rip) && canonical(registers.fs_base) && canonical(registers.gs_base);
}

VmExit protection_fault() {
  VmExit exit;
  exit.kind = VmExit::Kind::Exception;
  exit.vector = kProtection;
  return exit;
}

DecodedExit host_failure(std::string_view text, const kvm_sync_regs &state) {
  DecodedExit result;
  result.registers = registers_of(state);
  result.exit.kind = VmExit::Kind::Failure;
  result.exit.failure = text;
  return result;
}

void store(kvm_regs &to, const Registers &from) {
  to.rax = from.rax, to.rbx = from.rbx, to.rcx = from.rcx, to.rdx = from.rdx;
  to.rsi = from.rsi, to.rdi = from.rdi, to.rbp = from.rbp, to.rsp = from.rsp;
  to.r8 = from.r8, to.r9 = from.r9, to.r10 = from.r10, to.r11 = from.r11;
  to.r12 = from.r12, to.r13 = from.r13, to.r14 = from.r14, to.r15 = from.r15;
  to.rip = from.rip;
  to.rflags = (from.rflags & kUserFlags) | kFixedFlags;
}

std::unique_ptr<kernel::FpuState> fresh_fpu() {
  auto fpu = std::make_unique<kernel::FpuState>();
  const std::uint16_t control = 0x37f;
  const std::uint32_t mxcsr = 0x1f80;
  const std::uint64_t components = 3; // x87 and SSE are given, the rest in its initial state
  constexpr std::size_t kMxcsr = 24, kXstateBv = 512;
  std::memcpy(fpu->xsave.data(), &control, sizeof control);
  std::memcpy(fpu->xsave.data() + kMxcsr, &mxcsr, sizeof mxcsr);
  std::memcpy(fpu->xsave.data() + kXstateBv, &components, sizeof components);
  return fpu;
}

} // namespace

KvmCpu::KvmCpu(std::unique_ptr<Vcpu> vcpu, const KernelHalf &half, const ExitContext &context)
    : vcpu_(std::move(vcpu)), syscall_page_(half.syscall_page(context.cpu)), context_(context),
      initial_fpu_(fresh_fpu()) {}

KvmCpu::~KvmCpu() = default;

void KvmCpu::adopt_thread() { (void)vcpu_->set_signal_mask(gate_.adopt_current_thread()); }

void KvmCpu::flush_on_entry() {
  // A changed CR4.PGE makes KVM drop the root it runs with, and the next entry flushes the TLB.
  vcpu_->state().sregs.cr4 ^= kCr4Pge;
  sregs_dirty_ = true;
}

void KvmCpu::load(const Registers &registers, const kernel::RunTarget &target) {
  kvm_sync_regs &state = vcpu_->state();
  store(state.regs, registers);
  vcpu_->run().kvm_dirty_regs |= KVM_SYNC_X86_REGS;
  kvm_sregs &sregs = state.sregs;
  if (target.pid != loaded_.pid || target.tid != loaded_.tid) {
    stub::set_identity(syscall_page_, target.pid, target.tid);
    set_user_segments(sregs); // what the last task left in ds, es, fs and gs is not this one's
    sregs_dirty_ = true;
  }
  if (sregs.cs.selector != abi::kUserCode || sregs.ss.selector != abi::kUserData) {
    set_user_code_and_stack(sregs);
    sregs_dirty_ = true;
  }
  if (sregs.fs.base != registers.fs_base || sregs.gs.base != registers.gs_base) {
    sregs.fs.base = registers.fs_base;
    sregs.gs.base = registers.gs_base;
    sregs_dirty_ = true;
  }
  if (const std::uint64_t root = target.root.gpa().value(); sregs.cr3 != root) {
    sregs.cr3 = root;
    sregs_dirty_ = true;
  }
  loaded_ = target;
}

void KvmCpu::finish_answered_call(const Registers &registers) {
  kvm_sync_regs &state = vcpu_->state();
  if (registers.rip == state.regs.rip) return; // interrupted in the program itself
  store(state.regs, registers);
  set_user_code_and_stack(state.sregs);
  vcpu_->run().kvm_dirty_regs |= KVM_SYNC_X86_REGS;
  sregs_dirty_ = true;
}

void KvmCpu::forget_pending_exception() {
  // A fault that KVM was about to deliver belongs to this task; its instruction will raise it again.
  auto &events = vcpu_->state().events;
  auto &raised = events.exception;
  if (raised.injected == 0 && raised.pending == 0 && !shutdown_pending(vcpu_->state())) return;
  raised.injected = 0;
  raised.pending = 0;
  raised.nr = 0;
  raised.has_error_code = 0;
  raised.error_code = 0;
  events.triple_fault.pending = 0;
  events_dirty_ = true;
}

DecodedExit KvmCpu::enter_until_exit(Gfn root, std::uint64_t &spent) {
  kvm_run &run = vcpu_->run();
  for (int refused = 0; refused < kRetries;) {
    const GuestGate::Entry entry = gate_.open(root);
    if (entry.flush) flush_on_entry();
    if (entry.kicked) {
      gate_.close();
      DecodedExit kicked;
      kicked.disposition = Disposition::Interrupted;
      kicked.registers = registers_of(vcpu_->state());
      return kicked;
    }
    if (sregs_dirty_) run.kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
    if (events_dirty_) run.kvm_dirty_regs |= KVM_SYNC_X86_EVENTS;
    const std::uint64_t begin = now_ns();
    const int error = vcpu_->enter();
    spent += now_ns() - begin;
    gate_.close();
    entries_.fetch_add(1, std::memory_order_relaxed);
    switch (error) {
    case 0:
    case EINTR: break;
    case EAGAIN:
    case EFAULT: // nothing ran: the dirty marks stay
      if (++refused < kQuickRetries)
        ::sched_yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    case EINVAL: return host_failure("KVM refused the guest's registers", vcpu_->state());
    case ENOMEM: return host_failure("the host has no memory left for KVM", vcpu_->state());
    default: return host_failure("KVM_RUN failed", vcpu_->state());
    }
    sregs_dirty_ = events_dirty_ = false;
    if (error == EINTR) gate_.consume_signal();
    DecodedExit exit = decode(run, error, context_);
    if (exit.disposition != Disposition::Interrupted) return exit;
    finish_answered_call(exit.registers);
  }
  return host_failure("the host refuses access to guest memory", vcpu_->state());
}

VmExit KvmCpu::run(Registers &registers, const kernel::RunTarget &target) {
  if (!enterable(registers)) return protection_fault();
  if (fpu_failed_) return host_failure("KVM refused the guest's vector state", vcpu_->state()).exit;
  load(registers, target);
  std::uint64_t spent = 0;
  DecodedExit decoded = enter_until_exit(target.root, spent);
  VmExit exit = decoded.exit;
  if (decoded.disposition == Disposition::Interrupted) exit.kind = VmExit::Kind::Kicked;
  if (decoded.disposition == Disposition::CompleteAndReport) vcpu_->complete_access();
  forget_pending_exception();
  registers = decoded.registers;
  exit.guest_ns = spent;
  return exit;
}

void KvmCpu::save_fpu(kernel::FpuState &out) {
  if (!vcpu_->get_xsave(out)) fpu_failed_ = true;
}

void KvmCpu::load_fpu(const kernel::FpuState &in) {
  if (!vcpu_->set_xsave(in)) fpu_failed_ = true;
}

} // namespace pagoda::vmm
