#include "vmm/vcpu.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <x86intrin.h>

namespace pagoda::vmm {
namespace {

constexpr std::uint64_t kCr0 = 0x8005'0033;  // PG, AM, WP, NE, ET, MP, PE: as Linux runs programs
constexpr std::uint64_t kEfer = 0xd01;       // NXE, LMA, LME, SCE
constexpr std::uint64_t kCr4Minimum = 0x6a0; // PAE, PGE, OSFXSR, OSXMMEXCPT
// Flags that SYSCALL clears on the way into the stub, as Linux does: all but bit 1 and VIF/VIP/VM.
constexpr std::uint64_t kSyscallMaskCpl0 = 0x25'7fd5;
constexpr std::uint64_t kPatDefault = 0x0007'0406'0007'0406;

HostError refused(const char *what, int error) {
  return {HostError::Problem::Refused,
          fmt::format("KVM does not {} ({}): reload the kvm modules or run a newer Linux kernel.", what,
                      std::strerror(error))};
}

struct MsrBlock {
  kvm_msrs header;
  std::array<kvm_msr_entry, 4> entries;
};

kvm_segment flat(std::uint16_t selector, std::uint8_t type) {
  kvm_segment segment{};
  segment.limit = 0xffff'ffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.dpl = 3;
  segment.s = 1;
  segment.g = 1;
  return segment;
}

// A null selector, as Linux leaves ds, es, fs and gs of a 64-bit program.
kvm_segment null_segment() {
  kvm_segment segment = flat(0, 3);
  segment.db = 1;
  segment.unusable = 0;
  return segment;
}

} // namespace

void set_user_code_and_stack(kvm_sregs &sregs) {
  constexpr std::uint8_t kCodeAccessed = 11, kDataAccessed = 3;
  sregs.cs = flat(abi::kUserCode, kCodeAccessed);
  sregs.cs.l = 1;
  sregs.ss = flat(abi::kUserData, kDataAccessed);
  sregs.ss.db = 1;
}

void set_user_segments(kvm_sregs &sregs) {
  set_user_code_and_stack(sregs);
  const auto fs_base = sregs.fs.base, gs_base = sregs.gs.base;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = null_segment();
  sregs.fs.base = fs_base;
  sregs.gs.base = gs_base;
}

HostResult<std::unique_ptr<Vcpu>> Vcpu::create(const KvmSystem &kvm, const Vm &vm, unsigned index) {
  int raw = -1;
  do { raw = ::ioctl(vm.fd(), KVM_CREATE_VCPU, index); } while (raw < 0 && errno == EINTR);
  Fd fd(raw);
  if (!fd) return std::unexpected(refused("create a virtual processor", errno));
  std::unique_ptr<Vcpu> vcpu(new Vcpu(std::move(fd), index, kvm.vcpu_mmap_size()));
  void *page = ::mmap(nullptr, vcpu->run_size_, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd(), 0);
  if (page == MAP_FAILED) return std::unexpected(refused("share a virtual processor's run page", errno));
  vcpu->run_ = static_cast<kvm_run *>(page);
  return vcpu;
}

Vcpu::~Vcpu() {
  if (run_ != nullptr) ::munmap(run_, run_size_);
}

HostResult<> Vcpu::set_up(const CpuidTable &supported, HostKind kind, stub::SyscallEntry entry, ExceptionPath path,
                          unsigned node) {
  CpuidTable cpuid = cpuid_for(supported, index_);
  features_ = features_of(cpuid);
  if (::ioctl(fd(), KVM_SET_CPUID2, cpuid.raw()) != 0)
    return std::unexpected(refused("take the processor's feature list", errno));
  if (auto done = set_system_registers(path); !done) return done;
  if (auto done = set_model_registers(entry, node); !done) return done;
  // Without VM hardware a program sees the host's own XCR0, whatever is set here.
  if (kind != HostKind::Pvm && features_.xcr0 != 0) {
    kvm_xcrs xcrs{};
    xcrs.nr_xcrs = 1;
    xcrs.xcrs[0].value = features_.xcr0;
    if (::ioctl(fd(), KVM_SET_XCRS, &xcrs) != 0) return std::unexpected(refused("enable the vector state", errno));
  }
  run_->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
  return {};
}

HostResult<> Vcpu::set_system_registers(ExceptionPath path) {
  kvm_sregs sregs{};
  if (::ioctl(fd(), KVM_GET_SREGS, &sregs) != 0) return std::unexpected(refused("show system registers", errno));
  sregs.cr0 = kCr0;
  sregs.cr3 = 0; // every run names its root
  sregs.cr4 = features_.cr4;
  sregs.efer = kEfer;
  sregs.gdt.base = abi::gdt(index_).value();
  sregs.gdt.limit = abi::kGdtEntries * 8 - 1;
  sregs.idt.base = abi::idt().value();
  sregs.idt.limit = path == ExceptionPath::Shutdown ? 0 : abi::kVectors * 16 - 1;
  set_user_segments(sregs);
  sregs.tr = {};
  sregs.tr.base = abi::tss(index_).value();
  sregs.tr.limit = abi::kTssLimit;
  sregs.tr.selector = abi::kTaskState;
  sregs.tr.type = 11; // busy 64-bit TSS
  sregs.tr.present = 1;
  sregs.ldt = {};
  sregs.ldt.type = 2;
  sregs.ldt.unusable = 1;
  if (::ioctl(fd(), KVM_SET_SREGS, &sregs) != 0) {
    sregs.cr4 = kCr4Minimum; // the feature list promised more than this host takes
    if (::ioctl(fd(), KVM_SET_SREGS, &sregs) != 0) return std::unexpected(refused("enter 64-bit mode", errno));
    features_.cr4 = kCr4Minimum;
    features_.xcr0 = 0;
  }
  state().sregs = sregs;
  return {};
}

HostResult<> Vcpu::set_model_registers(stub::SyscallEntry entry, unsigned node) {
  MsrBlock block{};
  const std::uint64_t star = std::uint64_t(abi::kKernelCode) << 32 | std::uint64_t(abi::kSyscallReturn) << 48;
  block.entries = {{{kMsrStar, 0, star},
                    {kMsrLstar, 0, abi::syscall_entry(index_).value()},
                    {kMsrSyscallMask, 0, entry == stub::SyscallEntry::Cpl0 ? kSyscallMaskCpl0 : 0},
                    {kMsrPat, 0, kPatDefault}}};
  block.header.nmsrs = std::uint32_t(block.entries.size());
  if (::ioctl(fd(), KVM_SET_MSRS, &block) != int(block.entries.size()))
    return std::unexpected(refused("set the system-call entry", errno));
  block.entries[0] = {kMsrTscAux, 0, abi::cpu_and_node(index_, node)}; // absent on processors without rdtscp
  block.header.nmsrs = 1;
  (void)::ioctl(fd(), KVM_SET_MSRS, &block);
  return {};
}

int Vcpu::enter() { return ::ioctl(fd(), KVM_RUN, 0) == 0 ? 0 : errno; }

void Vcpu::complete_access() {
  run_->kvm_dirty_regs = 0;
  run_->immediate_exit = 1;
  (void)::ioctl(fd(), KVM_RUN, 0); // EINTR by construction
  run_->immediate_exit = 0;
}

int Vcpu::set_signal_mask(std::uint64_t blocked) {
  struct {
    std::uint32_t len;
    std::uint8_t sigset[8];
  } mask{8, {}};
  static_assert(sizeof mask == sizeof(kvm_signal_mask) + 8);
  std::memcpy(mask.sigset, &blocked, sizeof blocked);
  return ::ioctl(fd(), KVM_SET_SIGNAL_MASK, &mask) == 0 ? 0 : errno;
}

bool Vcpu::get_xsave(kernel::FpuState &out) {
  static_assert(sizeof out.xsave == 4096);
  return ::ioctl(fd(), KVM_GET_XSAVE, out.xsave.data()) == 0;
}

bool Vcpu::set_xsave(const kernel::FpuState &in) { return ::ioctl(fd(), KVM_SET_XSAVE, in.xsave.data()) == 0; }

std::int64_t Vcpu::read_msr(std::uint32_t index) {
  MsrBlock block{};
  block.header.nmsrs = 1;
  block.entries[0].index = index;
  return ::ioctl(fd(), KVM_GET_MSRS, &block) == 1 ? std::int64_t(block.entries[0].data) : -1;
}

bool Vcpu::align_tsc() {
#ifdef KVM_VCPU_TSC_CTRL
  std::uint64_t offset = 0;
  kvm_device_attr attribute{};
  attribute.group = KVM_VCPU_TSC_CTRL;
  attribute.attr = KVM_VCPU_TSC_OFFSET;
  attribute.addr = reinterpret_cast<std::uintptr_t>(&offset);
  (void)::ioctl(fd(), KVM_SET_DEVICE_ATTR, &attribute);
#endif
  // Whatever was set: what counts is that the guest's counter lies between two readings of ours.
  const auto before = std::int64_t(__rdtsc());
  const std::int64_t guest = read_msr(kMsrTsc);
  const auto after = std::int64_t(__rdtsc());
  return guest >= before && guest <= after;
}

std::uint64_t Vcpu::tsc_khz() {
  const int khz = ::ioctl(fd(), KVM_GET_TSC_KHZ, 0);
  return khz > 0 ? std::uint64_t(khz) : 0;
}

} // namespace pagoda::vmm
