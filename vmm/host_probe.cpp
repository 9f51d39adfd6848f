#include "vmm/host_probe.hpp"

#include <cpuid.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <optional>

namespace pagoda::vmm {
namespace {

namespace fs = std::filesystem;

// A boolean module parameter: "Y", "N", "1" or "0".
std::optional<bool> parameter(const fs::path &module, const char *name) {
  std::ifstream file(module / "parameters" / name);
  char value = 0;
  if (!file.get(value)) return std::nullopt;
  return value == 'Y' || value == 'y' || value == '1';
}

// Both vendor modules exist where KVM is built in; only the processor's own can run.
bool vendor_is_amd() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned kAuth = 0x68747541, kHygo = 0x6f677948; // "Auth", "Hygo"
  return ebx == kAuth || ebx == kHygo;
}

struct Candidate {
  const char *module, *parameter;
  HostKind kind;
};

struct CapabilityRow {
  unsigned number;
  const char *name;
  const char *use;
  bool needed;
};

constexpr CapabilityRow kCapabilities[] = {
    {KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "guest memory", true},
    {KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS", "registers without an ioctl", true},
    {KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS", "full flush by a dummy slot", true},
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "completing a refused port access", true},
    {KVM_CAP_XSAVE, "KVM_CAP_XSAVE", "floating-point and vector state", true},
    {KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS", "exceptions in flight", true},
    {KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM", "the host's vDSO in the guest", false},
    {KVM_CAP_XCRS, "KVM_CAP_XCRS", "AVX state", false},
    {KVM_CAP_GET_TSC_KHZ, "KVM_CAP_GET_TSC_KHZ", "frequency of the time stamp counter", false},
    {KVM_CAP_VCPU_ATTRIBUTES, "KVM_CAP_VCPU_ATTRIBUTES", "the guest's time stamp counter equal to the host's", false},
    {KVM_CAP_NR_MEMSLOTS, "KVM_CAP_NR_MEMSLOTS", "number of memory slots", false},
    {KVM_CAP_BINARY_STATS_FD, "KVM_CAP_BINARY_STATS_FD", "KVM's own page counts", false},
    {KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", "dirty log in steps", false},
};

} // namespace

std::string_view name(HostKind kind) {
  switch (kind) {
  case HostKind::Ept: return "ept";
  case HostKind::Npt: return "npt";
  case HostKind::Shadow: return "shadow";
  case HostKind::Pvm: return "pvm";
  }
  return "unknown";
}

std::string_view name(CarrierChoice choice) {
  switch (choice) {
  case CarrierChoice::Automatic: return "automatic";
  case CarrierChoice::Hardware: return "hardware";
  case CarrierChoice::WriteProtect: return "writeprotect";
  case CarrierChoice::Mprotect: return "mprotect";
  case CarrierChoice::Slot: return "slot";
  case CarrierChoice::None: return "none";
  }
  return "unknown";
}

HostProbe probe_kind(const std::string &module_directory) {
  HostProbe probe;
  const fs::path modules(module_directory);
  std::error_code ignored;
  if (fs::exists(modules / "kvm_pvm", ignored)) {
    probe.kind = HostKind::Pvm;
    probe.evidence = "kvm_pvm is loaded";
    return probe;
  }
  const Candidate intel{"kvm_intel", "ept", HostKind::Ept}, amd{"kvm_amd", "npt", HostKind::Npt};
  const bool amd_first = vendor_is_amd();
  for (const Candidate &candidate : {amd_first ? amd : intel, amd_first ? intel : amd}) {
    const auto enabled = parameter(modules / candidate.module, candidate.parameter);
    if (!enabled) continue;
    probe.kind = *enabled ? candidate.kind : HostKind::Shadow;
    probe.evidence = fmt::format("{} with {}={}", candidate.module, candidate.parameter, *enabled ? "Y" : "N");
    return probe;
  }
  probe.kind = HostKind::Shadow;
  probe.evidence = fmt::format("no KVM module shows its parameters in {}", module_directory);
  return probe;
}

std::vector<CapabilityInfo> query_capabilities(const KvmSystem &kvm) {
  std::vector<CapabilityInfo> result;
  for (const auto &row : kCapabilities) result.push_back({row.name, row.use, row.needed, kvm.check(row.number)});
  return result;
}

HostResult<HostProbe> probe_host(const KvmSystem &kvm) {
  for (const auto &row : kCapabilities) {
    if (row.needed && kvm.check(row.number) == 0)
      return std::unexpected(HostError{
          HostError::Problem::MissingCapability,
          fmt::format("this host's KVM lacks {} ({}): run a Linux kernel of 5.10 or later.", row.name, row.use)});
  }
  constexpr int kSyncAll = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
  if ((kvm.check(KVM_CAP_SYNC_REGS) & kSyncAll) != kSyncAll)
    return std::unexpected(HostError{HostError::Problem::MissingCapability,
                                     "this host's KVM synchronises only some registers (KVM_CAP_SYNC_REGS): run a "
                                     "Linux kernel of 5.10 or later."});
  HostProbe probe = probe_kind();
  const int slots = kvm.check(KVM_CAP_NR_MEMSLOTS);
  if (slots > 0) probe.max_memslots = unsigned(slots);
  probe.readonly_slots = kvm.check(KVM_CAP_READONLY_MEM) != 0;
  probe.xcrs = kvm.check(KVM_CAP_XCRS) != 0;
  return probe;
}

} // namespace pagoda::vmm
