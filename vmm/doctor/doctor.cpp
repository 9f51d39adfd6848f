#include "vmm/doctor/doctor.hpp"

#include <cpuid.h>
#include <cstring>
#include <functional>
#include <sys/utsname.h>
#include <thread>

#include "vmm/doctor/bare_guest.hpp"
#include "vmm/host_nodes.hpp"
#include "vmm/host_probe.hpp"
#include "vmm/kvm_cpu.hpp"

namespace pagoda::vmm::doctor {
namespace {

constexpr std::uint64_t kDoctorMemory = 32ull << 20;

std::string processor_brand() {
  unsigned words[12] = {};
  for (unsigned i = 0; i < 3; ++i) {
    unsigned *w = words + i * 4;
    if (__get_cpuid(0x8000'0002 + i, &w[0], &w[1], &w[2], &w[3]) == 0) return "unknown";
  }
  char text[sizeof words + 1] = {};
  std::memcpy(text, words, sizeof words);
  const std::string brand(text);
  const auto begin = brand.find_first_not_of(' ');
  const auto end = brand.find_last_not_of(' ');
  return begin == std::string::npos ? "unknown" : brand.substr(begin, end - begin + 1);
}

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "unknown";
}

std::vector<Capability> from(const std::vector<CapabilityInfo> &infos) {
  std::vector<Capability> result;
  for (const auto &info : infos) result.push_back({info.name, info.use, info.needed, info.value != 0, info.value});
  return result;
}

// The privilege at which a system call enters the stub tells a host without VM hardware from the
// others: were the kind wrong, the call would not come out as a call.
bool call_behaves(ProcessVm &vm) {
  auto guest = BareGuest::create(vm, probe_code());
  if (!guest) return false;
  kernel::Registers registers = BareGuest::at(probe_offsets().calls);
  const auto exit = vm.cpu(0).run(registers, (*guest)->target());
  if (exit.kind != kernel::VmExit::Kind::SystemCall || registers.rax != kProbeDone) return false;
  const bool user_mode = (vm.cpu(0).vcpu().state().sregs.cs.selector & 3) == 3;
  return user_mode == (vm.host_kind() == HostKind::Pvm);
}

Report describe(ProcessVm &vm) {
  Report report;
  report.kind = vm.host_kind();
  report.evidence = vm.probe().evidence;
  report.kernel = kernel_release();
  report.processor = processor_brand();
  report.host_cpus = std::thread::hardware_concurrency();
  report.host_nodes = host_memory_nodes();
  const kernel::Platform platform = vm.platform();
  report.tsc_khz = platform.tsc_khz;
  report.vdso = platform.vdso.has_value();
  report.setup = vm.setup_times();
  report.carrier = vm.carrier_name();
  return report;
}

// Everything that enters a guest; on a thread of its own, since adopting one changes its signals.
void examine_guest(ProcessVm &vm, const Options &options, Report &report) {
  vm.cpu(0).adopt_thread();
  report.kind_confirmed = call_behaves(vm);
  report.costs = measure_costs(vm, options.samples);
  if (options.edits != 0) report.proof = prove(vm, options.edits, options.seed);
}

} // namespace

HostResult<std::vector<Capability>> list_capabilities() {
  auto kvm = KvmSystem::open();
  if (!kvm) return std::unexpected(kvm.error());
  return from(query_capabilities(*kvm));
}

HostResult<Report> examine(const Options &options) {
  auto capabilities = list_capabilities();
  if (!capabilities) return std::unexpected(capabilities.error());
  ProcessVmConfig config;
  config.memory_bytes = kDoctorMemory;
  config.carrier = options.carrier;
  auto vm = ProcessVm::create(config);
  if (!vm) return std::unexpected(vm.error());
  Report report = describe(**vm);
  report.capabilities = std::move(*capabilities);
  std::thread(examine_guest, std::ref(**vm), std::cref(options), std::ref(report)).join();
  return report;
}

} // namespace pagoda::vmm::doctor
