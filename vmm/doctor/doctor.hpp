// What this host is, what its exits cost, and whether the carrier of invalidation is right here.
// The library side of `pagoda doctor`: it measures and proves, the command prints.
//
// A figure that this host cannot give is absent from the lists, never guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/doctor/costs.hpp"
#include "vmm/doctor/proof.hpp"
#include "vmm/host_error.hpp"
#include "vmm/host_kind.hpp"
#include "vmm/process_vm.hpp"

namespace pagoda::vmm::doctor {

struct Capability {
  std::string name;    // "KVM_CAP_SYNC_REGS"
  std::string use;     // what Pagoda does with it, in a few words
  bool needed = false; // without it nothing runs
  bool present = false;
  int value = 0; // as KVM_CHECK_EXTENSION gives it, or 1
};

struct Options {
  std::uint64_t edits = 10'000;  // of the proof; 0: no proof
  std::uint64_t samples = 2'000; // of each cost; 0: no costs
  std::uint64_t seed = 1;
  CarrierChoice carrier = CarrierChoice::Automatic;
};

struct Report {
  HostKind kind = HostKind::Shadow;
  std::string evidence;        // how the kind was told: "kvm_amd with npt=1", …
  bool kind_confirmed = false; // a guest system call behaved as on a host of that kind
  std::string kernel;          // host kernel release
  std::string processor;       // host processor's brand
  unsigned host_cpus = 0;
  std::vector<unsigned> host_nodes; // with memory: what a guest's nodes are bound to where there are several
  std::uint64_t tsc_khz = 0;
  bool vdso = false; // the host's vDSO is mapped for guests: clock calls without an exit
  std::vector<Capability> capabilities;
  std::vector<ExitCost> costs;
  SetupTimes setup;
  std::string carrier;
  std::optional<Proof> proof;
};

HostResult<Report> examine(const Options &options);

// Only the capabilities: works even when a needed one is missing, so that the user sees which.
HostResult<std::vector<Capability>> list_capabilities();

} // namespace pagoda::vmm::doctor
