// kernel::Cpu on a KVM vCPU.
//
// Per run: registers go in by sync regs; system registers only when something in them must change
// (another root, another TLS base, back from CPL0, a flush owed). What comes out is decoded by
// decode(). Interruptions that are not for the kernel (a carrier's flush, a stray signal) are
// answered inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "guest/linux/cpu.hpp"
#include "vmm/exit.hpp"
#include "vmm/guest_gate.hpp"
#include "vmm/kernel_half.hpp"
#include "vmm/vcpu.hpp"

namespace pagoda::vmm {

class KvmCpu final : public kernel::Cpu {
public:
  KvmCpu(std::unique_ptr<Vcpu> vcpu, const KernelHalf &half, const ExitContext &context);
  ~KvmCpu() override;

  void adopt_thread() override;
  kernel::VmExit run(kernel::Registers &registers, const kernel::RunTarget &target) override;
  void kick() override { gate_.kick(); }
  void save_fpu(kernel::FpuState &out) override;
  void load_fpu(const kernel::FpuState &in) override;
  [[nodiscard]] const kernel::FpuState &initial_fpu() const override { return *initial_fpu_; }
  [[nodiscard]] std::uint32_t xsave_size() const override { return vcpu_->features().xsave_size; }

  [[nodiscard]] GuestGate &gate() { return gate_; }
  [[nodiscard]] Vcpu &vcpu() { return *vcpu_; }
  // Entries into the guest since creation: runs, and re-entries after interruptions.
  [[nodiscard]] std::uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }

private:
  void load(const kernel::Registers &registers, const kernel::RunTarget &target);
  void flush_on_entry();
  // Until there is something for the kernel; `spent` grows by the time inside KVM_RUN.
  DecodedExit enter_until_exit(Gfn root, std::uint64_t &spent);
  // Interrupted between the stub's answer and its return: returns in its place.
  void finish_answered_call(const kernel::Registers &registers);
  void forget_pending_exception();

  std::unique_ptr<Vcpu> vcpu_;
  stub::Page syscall_page_;
  ExitContext context_;
  GuestGate gate_;
  std::unique_ptr<kernel::FpuState> initial_fpu_;
  kernel::RunTarget loaded_{Gfn(~0ull), 0, 0};
  bool sregs_dirty_ = true;
  bool events_dirty_ = false;
  bool fpu_failed_ = false;
  std::atomic<std::uint64_t> entries_{0};
};

} // namespace pagoda::vmm
