// The virtual machine of a process guest, complete: KVM VM, backing memory, page descriptors, kernel
// half, vCPUs, carrier of invalidation, vDSO slot. `platform()` is what the kernel of the process
// guest borrows; the ProcessVm outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "guest/linux/platform.hpp"
#include "vmm/host_error.hpp"
#include "vmm/host_kind.hpp"
#include "vmm/persistent_memory.hpp"

namespace pagoda::vmm {

enum class Backing : std::uint8_t {
  Anonymous, // private anonymous memory, 2M-aligned, THP asked for by madvise
  Memfd,     // a memfd, where other processes must see the same memory
};

struct ProcessVmConfig {
  std::uint64_t memory_bytes = 512ull << 20; // guest RAM, rounded up to 4K
  unsigned cpus = 1;
  // The nodes, with the same CPUs; their sizes count then instead of `memory_bytes`. Nothing: one node.
  std::optional<phys::Topology> topology;
  std::optional<PersistentMemoryConfig> pmem; // a file as DEVICE memory
  phys::SlabOptions slab;                     // of the caches of its kernel memory
  Backing backing = Backing::Anonymous;
  CarrierChoice carrier = CarrierChoice::Automatic;
  ExceptionPath exceptions = ExceptionPath::Automatic;
};

// The smallest guest RAM and the largest number of vCPUs that can be asked for.
inline constexpr std::uint64_t kMinimumMemory = 256ull << 10;
inline constexpr unsigned kMaximumCpus = 64;

// Where the time of `create` went, in nanoseconds.
struct SetupTimes {
  std::uint64_t probe = 0;       // opening /dev/kvm, capabilities, kind of host
  std::uint64_t create_vm = 0;   // KVM_CREATE_VM
  std::uint64_t backing = 0;     // reserving the memory, page descriptors
  std::uint64_t slots = 0;       // KVM_SET_USER_MEMORY_REGION; grows with the size of memory
  std::uint64_t carrier = 0;     // userfaultfd and the like
  std::uint64_t kernel_half = 0; // building the stub's pages
  std::uint64_t vcpus = 0;       // creating and setting up every vCPU
  std::uint64_t vdso = 0;        // finding and mapping the host's vDSO
  std::uint64_t total = 0;
};

class Vm;
class KvmCpu;
struct HostProbe;
struct NodeBinding;

class ProcessVm {
public:
  static HostResult<std::unique_ptr<ProcessVm>> create(const ProcessVmConfig &config);
  // No vCPU is running. Frames still allocated are simply gone with the memory.
  ~ProcessVm();
  ProcessVm(const ProcessVm &) = delete;
  ProcessVm &operator=(const ProcessVm &) = delete;

  [[nodiscard]] kernel::Platform platform();
  [[nodiscard]] HostKind host_kind() const;
  [[nodiscard]] const HostProbe &probe() const;
  [[nodiscard]] std::string_view carrier_name() const;
  // Which nodes of the host the guest's memory comes from.
  [[nodiscard]] const NodeBinding &node_binding() const;
  [[nodiscard]] const SetupTimes &setup_times() const;

  // For the doctor and the tests, which look underneath the interface of the kernel.
  [[nodiscard]] Vm &vm();
  [[nodiscard]] KvmCpu &cpu(unsigned index);
  [[nodiscard]] tlb::Carrier &carrier();

private:
  struct Parts;
  static HostResult<> create_cpus(Parts &parts, unsigned count);
  explicit ProcessVm(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

} // namespace pagoda::vmm
