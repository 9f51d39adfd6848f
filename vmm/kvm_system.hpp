// /dev/kvm: opening it, and the questions that do not need a VM.
// Source: Linux Documentation/virt/kvm/api.rst, "System ioctls".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vmm/fd.hpp"
#include "vmm/host_error.hpp"
#include "vmm/kvm.hpp"

namespace pagoda::vmm {

inline constexpr const char *kKvmDevice = "/dev/kvm";

// A CPUID table in the form that the ioctls take: header and entries in one block.
class CpuidTable {
public:
  explicit CpuidTable(std::size_t entries);
  [[nodiscard]] kvm_cpuid2 *raw() { return reinterpret_cast<kvm_cpuid2 *>(storage_.data()); }
  [[nodiscard]] const kvm_cpuid2 *raw() const { return reinterpret_cast<const kvm_cpuid2 *>(storage_.data()); }
  [[nodiscard]] std::span<kvm_cpuid_entry2> entries();
  [[nodiscard]] std::span<const kvm_cpuid_entry2> entries() const;
  [[nodiscard]] const kvm_cpuid_entry2 *find(std::uint32_t function, std::uint32_t index = 0) const;

private:
  std::vector<std::uint64_t> storage_;
};

class KvmSystem {
public:
  static HostResult<KvmSystem> open(const std::string &device = kKvmDevice);

  [[nodiscard]] int fd() const { return fd_.get(); }
  // KVM_CHECK_EXTENSION: 0 when absent.
  [[nodiscard]] int check(unsigned capability) const;
  [[nodiscard]] std::size_t vcpu_mmap_size() const { return vcpu_mmap_size_; }
  [[nodiscard]] HostResult<CpuidTable> supported_cpuid() const;

private:
  Fd fd_;
  std::size_t vcpu_mmap_size_ = 0;
};

} // namespace pagoda::vmm
