// A KVM vCPU: descriptor, shared run page, and the state that is set by ioctl.
// Source: Linux Documentation/virt/kvm/api.rst, "vcpu ioctls"; SDM vol. 3 ch. 2 (control registers).
//
// An ioctl on a vCPU costs 7 µs on a host without VM hardware, so general and system registers
// travel in the run page (KVM_CAP_SYNC_REGS) and only rare state goes by ioctl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "guest/linux/cpu.hpp"
#include "guest/stub/stub.hpp"
#include "vmm/fd.hpp"
#include "vmm/host_error.hpp"
#include "vmm/host_kind.hpp"
#include "vmm/kvm.hpp"
#include "vmm/kvm_system.hpp"
#include "vmm/vm.hpp"

namespace pagoda::vmm {

// What the processor's feature list implies for the set-up.
struct CpuFeatures {
  std::uint64_t cr4 = 0;        // bits that a guest may use here
  std::uint64_t xcr0 = 0;       // 0: no XSAVE
  std::uint32_t xsave_size = 0; // of the standard format with those components
};
[[nodiscard]] CpuFeatures features_of(const CpuidTable &cpuid);
// The table for one vCPU: its APIC id, and no feature whose state would not fit.
[[nodiscard]] CpuidTable cpuid_for(const CpuidTable &supported, unsigned index);

class Vcpu {
public:
  static HostResult<std::unique_ptr<Vcpu>> create(const KvmSystem &kvm, const Vm &vm, unsigned index);
  ~Vcpu();
  Vcpu(const Vcpu &) = delete;
  Vcpu &operator=(const Vcpu &) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] kvm_run &run() { return *run_; }
  [[nodiscard]] kvm_sync_regs &state() { return run_->s.regs; }
  [[nodiscard]] const CpuFeatures &features() const { return features_; }

  // Everything but the registers of a program: long mode, descriptor tables, system-call entry.
  // `node`: that programs see for this CPU.
  HostResult<> set_up(const CpuidTable &supported, HostKind kind, stub::SyscallEntry entry, ExceptionPath path,
                      unsigned node);
  // KVM_RUN: 0, or an errno.
  int enter();
  // Completes an access to a port or device that the exit left pending; registers change.
  void complete_access();
  // Signals that stay blocked while the guest runs.
  int set_signal_mask(std::uint64_t blocked);
  bool get_xsave(kernel::FpuState &out);
  bool set_xsave(const kernel::FpuState &in);
  // Offset 0 between the host's time stamp counter and the guest's; false if this host cannot.
  bool align_tsc();
  [[nodiscard]] std::uint64_t tsc_khz();

private:
  Vcpu(Fd fd, unsigned index, std::size_t run_size) : fd_(std::move(fd)), index_(index), run_size_(run_size) {}
  HostResult<> set_system_registers(ExceptionPath path);
  HostResult<> set_model_registers(stub::SyscallEntry entry, unsigned node);
  std::int64_t read_msr(std::uint32_t index);

  Fd fd_;
  unsigned index_;
  std::size_t run_size_;
  kvm_run *run_ = nullptr;
  CpuFeatures features_;
};

// The segments of a program at CPL3, as Linux sets them.
void set_user_segments(kvm_sregs &sregs);
void set_user_code_and_stack(kvm_sregs &sregs);

} // namespace pagoda::vmm
