#include "vmm/vm.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/ioctl.h>

namespace pagoda::vmm {
namespace {

HostError refused(const char *what, int error) {
  const bool limit = error == ENOMEM || error == EMFILE || error == ENFILE || error == ENOSPC;
  return {limit ? HostError::Problem::Resource : HostError::Problem::Refused,
          fmt::format("KVM does not {} ({}): {}.", what, std::strerror(error),
                      limit ? "end other virtual machines or ask for less memory"
                            : "close whatever else uses virtualisation on this machine and try again")};
}

} // namespace

HostResult<std::unique_ptr<Vm>> Vm::create(const KvmSystem &kvm, const HostProbe &probe) {
  int raw = -1;
  do {
    raw = ::ioctl(kvm.fd(), KVM_CREATE_VM, 0); // a signal may interrupt it: it allocates a lot
  } while (raw < 0 && errno == EINTR);
  Fd fd(raw);
  if (!fd) return std::unexpected(refused("create a virtual machine", errno));
  // Needed only by Intel processors without unrestricted guests; the others ignore it.
  if (::ioctl(fd.get(), KVM_SET_TSS_ADDR, kTssGpa.value()) != 0 && probe.kind == HostKind::Ept)
    return std::unexpected(refused("place its task state segment", errno));
  return std::unique_ptr<Vm>(new Vm(std::move(fd), probe.max_memslots));
}

bool Vm::show_triple_faults() {
  kvm_enable_cap capability{};
  capability.cap = KVM_CAP_X86_TRIPLE_FAULT_EVENT;
  capability.args[0] = 1;
  return ::ioctl(fd(), KVM_ENABLE_CAP, &capability) == 0;
}

HostResult<> Vm::set_region(std::uint32_t number, Gpa gpa, std::uint64_t bytes, const void *host, SlotAccess access) {
  kvm_userspace_memory_region region{};
  region.slot = number;
  region.flags = access == SlotAccess::ReadOnly && bytes != 0 ? KVM_MEM_READONLY : 0;
  region.guest_phys_addr = gpa.value();
  region.memory_size = bytes;
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(host);
  if (::ioctl(fd(), KVM_SET_USER_MEMORY_REGION, &region) != 0)
    return std::unexpected(refused(bytes != 0 ? "map guest memory" : "unmap guest memory", errno));
  return {};
}

HostResult<std::uint32_t> Vm::add_slot(Gpa gpa, std::uint64_t bytes, const void *host, SlotAccess access) {
  LockGuard guard(mutex_);
  const auto number = numbers_.take();
  if (!number) return std::unexpected(refused("have another memory slot", ENOSPC));
  if (auto done = set_region(*number, gpa, bytes, host, access); !done) {
    numbers_.give_back(*number);
    return std::unexpected(done.error());
  }
  return *number;
}

HostResult<> Vm::remove_slot(std::uint32_t number) {
  LockGuard guard(mutex_);
  if (!numbers_.give_back(number)) return std::unexpected(refused("know that memory slot", EINVAL));
  return set_region(number, Gpa{}, 0, nullptr, SlotAccess::ReadWrite);
}

HostResult<> Vm::pulse_dummy_slot(const void *page) {
  auto slot = add_slot(kDummySlotGpa, kPageSize, page, SlotAccess::ReadWrite);
  if (!slot) return std::unexpected(slot.error());
  return remove_slot(*slot);
}

} // namespace pagoda::vmm
