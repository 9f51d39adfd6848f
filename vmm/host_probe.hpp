// What kind of host this is and what its KVM offers: by module parameters and by asking, never by a
// compile-time switch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/host_error.hpp"
#include "vmm/host_kind.hpp"
#include "vmm/kvm_system.hpp"

namespace pagoda::vmm {

// A capability that matters here.
struct CapabilityInfo {
  std::string name;
  std::string use;
  bool needed = false;
  int value = 0; // KVM_CHECK_EXTENSION's answer; 0 is absent
};

struct HostProbe {
  HostKind kind = HostKind::Shadow;
  std::string evidence;
  unsigned max_memslots = 32;
  bool readonly_slots = false;
  bool xcrs = false;
};

// Where the module parameters are read; a test hands in a directory of its own.
inline constexpr const char *kModuleDirectory = "/sys/module";

// By parameters alone. A host that says nothing is taken for a shadowing one, for which every
// carrier chosen is right on the others too.
[[nodiscard]] HostProbe probe_kind(const std::string &module_directory = kModuleDirectory);
[[nodiscard]] std::vector<CapabilityInfo> query_capabilities(const KvmSystem &kvm);
// The whole; an error names the first needed capability that is absent.
[[nodiscard]] HostResult<HostProbe> probe_host(const KvmSystem &kvm);

} // namespace pagoda::vmm
