// A KVM virtual machine: its descriptor and its memory slots.
// Source: Linux Documentation/virt/kvm/api.rst, "VM ioctls".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "mmu/base/address.hpp"
#include "mmu/base/lock.hpp"
#include "vmm/fd.hpp"
#include "vmm/host_error.hpp"
#include "vmm/host_probe.hpp"
#include "vmm/kvm_system.hpp"
#include "vmm/memslots.hpp"

namespace pagoda::vmm {

// Guest-physical addresses in the hole below 4 GiB, where no RAM is ever placed.
inline constexpr Gpa kVdsoGpa{0xd000'0000};
inline constexpr Gpa kDummySlotGpa{0xe000'0000};
inline constexpr Gpa kTssGpa{0xfffb'd000}; // three pages that KVM needs on older Intel processors

enum class SlotAccess : std::uint8_t { ReadWrite, ReadOnly };

class Vm {
public:
  static HostResult<std::unique_ptr<Vm>> create(const KvmSystem &kvm, const HostProbe &probe);

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Maps host memory at a guest-physical address; both page-aligned. The number of the slot.
  HostResult<std::uint32_t> add_slot(Gpa gpa, std::uint64_t bytes, const void *host, SlotAccess access);
  HostResult<> remove_slot(std::uint32_t number);
  // Adds and deletes a one-page slot that no guest table names: KVM then drops every translation
  // of the VM. `page`: any page of the backing.
  HostResult<> pulse_dummy_slot(const void *page);
  // Makes a triple fault that KVM has decided on and not yet reported visible in the vCPU's events
  // (KVM_CAP_X86_TRIPLE_FAULT_EVENT, Linux 6.0). False where KVM cannot.
  [[nodiscard]] bool show_triple_faults();

private:
  Vm(Fd fd, unsigned slots) : fd_(std::move(fd)), numbers_(slots) {}
  HostResult<> set_region(std::uint32_t number, Gpa gpa, std::uint64_t bytes, const void *host, SlotAccess access);

  Fd fd_;
  Mutex mutex_;
  SlotNumbers numbers_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::vmm
