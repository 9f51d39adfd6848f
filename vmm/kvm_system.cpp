#include "vmm/kvm_system.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

namespace pagoda::vmm {
namespace {

HostError open_error(const std::string &device, int error) {
  using Problem = HostError::Problem;
  switch (error) {
  case ENOENT:
  case ENODEV:
  case ENXIO:
    return {Problem::NoDevice,
            fmt::format("{} is not there: load the kernel module (`modprobe kvm_intel` or `modprobe kvm_amd`), switch "
                        "virtualisation on in the firmware, or hand the device to this container or VM.",
                        device)};
  case EACCES:
  case EPERM:
    return {Problem::NoPermission,
            fmt::format("{} may not be opened by this user: join its group (`sudo usermod -aG kvm $USER`, then log in "
                        "again) or run as root.",
                        device)};
  default:
    return {Problem::Refused, fmt::format("{} cannot be opened ({}): close other virtual machines or raise the limit "
                                          "that this names.",
                                          device, std::strerror(error))};
  }
}

} // namespace

CpuidTable::CpuidTable(std::size_t entries)
    : storage_((sizeof(kvm_cpuid2) + entries * sizeof(kvm_cpuid_entry2)) / sizeof(std::uint64_t)) {
  raw()->nent = std::uint32_t(entries);
}
static_assert(sizeof(kvm_cpuid2) % 8 == 0 && sizeof(kvm_cpuid_entry2) % 8 == 0);

std::span<kvm_cpuid_entry2> CpuidTable::entries() {
  return {reinterpret_cast<kvm_cpuid_entry2 *>(storage_.data() + 1), raw()->nent};
}
std::span<const kvm_cpuid_entry2> CpuidTable::entries() const {
  return {reinterpret_cast<const kvm_cpuid_entry2 *>(storage_.data() + 1), raw()->nent};
}

const kvm_cpuid_entry2 *CpuidTable::find(std::uint32_t function, std::uint32_t index) const {
  for (const auto &entry : entries()) {
    const bool indexed = (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0;
    if (entry.function == function && (!indexed || entry.index == index)) return &entry;
  }
  return nullptr;
}

HostResult<KvmSystem> KvmSystem::open(const std::string &device) {
  KvmSystem system;
  system.fd_ = Fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  if (!system.fd_) return std::unexpected(open_error(device, errno));
  const int version = ::ioctl(system.fd(), KVM_GET_API_VERSION, 0);
  if (version != kKvmApiVersion)
    return std::unexpected(HostError{
        HostError::Problem::WrongVersion,
        version < 0 ? fmt::format("{} is not a KVM device: name the real one or load the kvm module.", device)
                    : fmt::format("{} speaks KVM API version {}, and {} is needed: run a Linux kernel of 5.10 "
                                  "or later.",
                                  device, version, kKvmApiVersion)});
  const int size = ::ioctl(system.fd(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < int(sizeof(kvm_run)))
    return std::unexpected(HostError{HostError::Problem::Refused,
                                     fmt::format("{} gives a vCPU page of {} bytes, and {} are needed: run a newer "
                                                 "Linux kernel.",
                                                 device, size, sizeof(kvm_run))});
  system.vcpu_mmap_size_ = std::size_t(size);
  return system;
}

int KvmSystem::check(unsigned capability) const {
  const int answer = ::ioctl(fd(), KVM_CHECK_EXTENSION, capability);
  return answer < 0 ? 0 : answer;
}

HostResult<CpuidTable> KvmSystem::supported_cpuid() const {
  constexpr std::size_t kLimit = 1024;
  for (std::size_t size = 128; size <= kLimit; size *= 2) {
    CpuidTable table(size);
    if (::ioctl(fd(), KVM_GET_SUPPORTED_CPUID, table.raw()) == 0) return table;
    if (errno != E2BIG) break;
  }
  return std::unexpected(HostError{HostError::Problem::Refused,
                                   fmt::format("KVM does not list the processor's features ({}): reload the kvm "
                                               "modules or run a newer Linux kernel.",
                                               std::strerror(errno))});
}

} // namespace pagoda::vmm
