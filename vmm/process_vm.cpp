#include "vmm/process_vm.hpp"

#include <chrono>
#include <fmt/format.h>

#include "mmu/base/checked.hpp"
#include "vmm/backing.hpp"
#include "vmm/carrier/carriers.hpp"
#include "vmm/host_nodes.hpp"
#include "vmm/host_probe.hpp"
#include "vmm/kernel_half.hpp"
#include "vmm/kvm_cpu.hpp"
#include "vmm/vdso_slot.hpp"
#include "vmm/vm.hpp"

namespace pagoda::vmm {

// Members are destroyed last to first: vCPUs before the VM, the VM before its memory.
struct ProcessVm::Parts {
  KvmSystem kvm;
  HostProbe probe;
  stub::SyscallEntry entry = stub::SyscallEntry::Cpl0;
  ExceptionPath path = ExceptionPath::Gate;
  std::optional<PersistentMemory> pmem;
  std::optional<BackingMemory> backing;
  std::optional<phys::PhysicalMemory> memory;
  std::unique_ptr<space::KernelMemory> kernel_memory; // in host memory that no slot covers
  VdsoCopy vdso_copy;                                 // the VM shows it to guests
  std::unique_ptr<Vm> vm;
  std::optional<KernelHalf> half;
  std::vector<std::unique_ptr<KvmCpu>> cpus;
  std::unique_ptr<tlb::Carrier> carrier;
  std::optional<tlb::Invalidator> invalidator;
  std::optional<kernel::VdsoSlot> vdso;
  bool tsc_aligned = true;
  std::uint64_t tsc_khz = 0;
  GfnRange pmem_frames{};
  NodeBinding binding;
  SetupTimes times;
};

namespace {

// Time since the last call, so that the steps of `create` add up to its whole.
class Stopwatch {
public:
  std::uint64_t lap() {
    const auto now = Clock::now();
    const auto spent = now - last_;
    last_ = now;
    return nanoseconds(spent);
  }
  [[nodiscard]] std::uint64_t total() const { return nanoseconds(last_ - begin_); }

private:
  using Clock = std::chrono::steady_clock;
  static std::uint64_t nanoseconds(Clock::duration d) {
    return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(d).count());
  }
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

HostError resource(std::string text) { return {HostError::Problem::Resource, std::move(text)}; }

HostResult<std::uint64_t> checked_memory(std::uint64_t bytes) {
  constexpr std::uint64_t kMaximum = 1ull << 43; // what four levels of tables and the descriptors are made for
  if (bytes < kMinimumMemory)
    return std::unexpected(resource(fmt::format(
        "{} bytes of memory are too little for a guest: give it at least {} KiB.", bytes, kMinimumMemory >> 10)));
  const auto rounded = checked_align_up<std::uint64_t>(bytes, kPageSize);
  if (!rounded || *rounded > kMaximum)
    return std::unexpected(resource(fmt::format("{} GiB of memory are more than a guest can address: give it at most "
                                                "{} GiB.",
                                                bytes >> 30, kMaximum >> 30)));
  return *rounded;
}

HostResult<ExceptionPath> choose_path(HostKind kind, ExceptionPath wanted) {
  const bool pvm = kind == HostKind::Pvm;
  if (wanted == ExceptionPath::Automatic) return pvm ? ExceptionPath::Shutdown : ExceptionPath::Gate;
  if (wanted == ExceptionPath::Shutdown && !pvm)
    return std::unexpected(HostError{HostError::Problem::MissingCapability,
                                     "exceptions by shutdown work on a pvm host alone: leave the choice to Pagoda."});
  return wanted;
}

// Puts the file into the room that the topology keeps for it.
HostResult<GpaRange> add_pmem(const PersistentMemory &pmem, phys::PhysicalMemory &memory, std::byte *base, Vm &vm) {
  const Gpa begin = memory.topology().device_room().begin;
  const GpaRange range{begin, begin + pmem.bytes()};
  if (auto mapped = pmem.map(base + begin.value()); !mapped) return std::unexpected(mapped.error());
  if (const auto added = memory.add_device(range); !added)
    return std::unexpected(resource(fmt::format("the guest has no room for --pmem: {}.", message(added.error()))));
  auto slot = vm.add_slot(begin, pmem.bytes(), base + begin.value(), SlotAccess::ReadWrite);
  if (!slot) return std::unexpected(slot.error());
  return range;
}

HostResult<> add_memory_slots(Vm &vm, const phys::PhysicalMemory &memory) {
  for (const GpaRange &range : memory.layout().ranges) {
    if (range.empty()) continue;
    auto slot = vm.add_slot(range.begin, range.length(), memory.host(range.begin), SlotAccess::ReadWrite);
    if (!slot) return std::unexpected(slot.error());
  }
  return {};
}

} // namespace

ProcessVm::ProcessVm(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ProcessVm::~ProcessVm() = default;

HostResult<std::unique_ptr<ProcessVm>> ProcessVm::create(const ProcessVmConfig &config) {
  Stopwatch watch;
  auto parts = std::make_unique<Parts>();
  Parts &p = *parts;
  const auto bytes = checked_memory(config.topology ? config.topology->bytes() : config.memory_bytes);
  if (!bytes) return std::unexpected(bytes.error());
  if (config.cpus == 0 || config.cpus > kMaximumCpus)
    return std::unexpected(resource(fmt::format("{} CPUs cannot be had: ask for 1 to {}.", config.cpus, kMaximumCpus)));

  auto kvm = KvmSystem::open();
  if (!kvm) return std::unexpected(kvm.error());
  p.kvm = std::move(*kvm);
  auto probe = probe_host(p.kvm);
  if (!probe) return std::unexpected(probe.error());
  p.probe = std::move(*probe);
  p.entry = p.probe.kind == HostKind::Pvm ? stub::SyscallEntry::Cpl3 : stub::SyscallEntry::Cpl0;
  auto path = choose_path(p.probe.kind, config.exceptions);
  if (!path) return std::unexpected(path.error());
  p.path = *path;
  p.times.probe = watch.lap();

  auto vm = Vm::create(p.kvm, p.probe);
  if (!vm) return std::unexpected(vm.error());
  p.vm = std::move(*vm);
  // Without it an interrupted KVM_RUN may hide a shutdown that the next one would report too late.
  if (p.path == ExceptionPath::Shutdown && !p.vm->show_triple_faults()) p.path = ExceptionPath::Gate;
  p.times.create_vm = watch.lap();

  phys::Topology topology = config.topology ? *config.topology : phys::Topology::uma(*bytes, config.cpus);
  if (config.pmem) {
    auto pmem = PersistentMemory::open(*config.pmem);
    if (!pmem) return std::unexpected(pmem.error());
    p.pmem.emplace(std::move(*pmem));
    topology.device_bytes = p.pmem->bytes();
  }
  if (const std::string problem = topology.problem(); !problem.empty())
    return std::unexpected(resource(fmt::format("such a machine cannot be had: {}.", problem)));
  auto backing = BackingMemory::reserve(topology.end().value(), config.backing);
  if (!backing) return std::unexpected(backing.error());
  p.backing.emplace(std::move(*backing));
  if (topology.nodes.size() > 1) p.binding = bind_nodes(topology, p.backing->base(), host_memory_nodes());
  p.memory.emplace(std::move(topology), p.backing->base());
  auto kernel_memory = space::KernelMemory::create(*p.memory, config.slab);
  if (!kernel_memory)
    return std::unexpected(resource(
        fmt::format("the host has no room for the guest's kernel memory: {}.", message(kernel_memory.error()))));
  p.kernel_memory = std::move(*kernel_memory);
  p.times.backing = watch.lap();

  if (auto added = add_memory_slots(*p.vm, *p.memory); !added) return std::unexpected(added.error());
  if (p.pmem) {
    auto range = add_pmem(*p.pmem, *p.memory, p.backing->base(), *p.vm);
    if (!range) return std::unexpected(range.error());
    p.pmem_frames = {Gfn::of(range->begin), Gfn::of(range->end)};
  }
  p.times.slots = watch.lap();

  auto half = KernelHalf::build(*p.memory, config.cpus, p.entry);
  if (!half)
    return std::unexpected(resource(
        fmt::format("the guest's memory does not hold its own set-up ({}): give it more.", message(half.error()))));
  p.half.emplace(std::move(*half));
  p.times.kernel_half = watch.lap();

  if (auto made = create_cpus(p, config.cpus); !made) return std::unexpected(made.error());
  p.times.vcpus = watch.lap();

  std::vector<GuestGate *> gates;
  gates.reserve(p.cpus.size());
  for (auto &cpu : p.cpus) gates.push_back(&cpu->gate());
  auto carrier = choose_carrier(p.probe.kind, config.carrier, {*p.vm, *p.memory, std::move(gates)});
  if (!carrier) return std::unexpected(carrier.error());
  p.carrier = std::move(*carrier);
  p.invalidator.emplace(*p.carrier, *p.memory);
  p.times.carrier = watch.lap();

  // Without VM hardware RDPID answers for the host.
  VdsoCopy *copy = p.probe.kind == HostKind::Pvm ? &p.vdso_copy : nullptr;
  if (p.probe.readonly_slots && p.tsc_aligned) p.vdso = add_vdso_slot(*p.vm, copy);
  p.times.vdso = watch.lap();
  p.times.total = watch.total();
  return std::unique_ptr<ProcessVm>(new ProcessVm(std::move(parts)));
}

HostResult<> ProcessVm::create_cpus(Parts &p, unsigned count) {
  auto supported = p.kvm.supported_cpuid();
  if (!supported) return std::unexpected(supported.error());
  for (unsigned index = 0; index < count; ++index) {
    const phys::NodeId node = p.memory->topology().node_of_cpu(index);
    auto vcpu = Vcpu::create(p.kvm, *p.vm, index);
    if (!vcpu) return std::unexpected(vcpu.error());
    if (auto done = (*vcpu)->set_up(*supported, p.probe.kind, p.entry, p.path, node); !done) return done;
    if (!(*vcpu)->align_tsc()) p.tsc_aligned = false;
    if (index == 0) p.tsc_khz = (*vcpu)->tsc_khz();
    const ExitContext context{index, p.entry, p.half->stack_top(index), p.path == ExceptionPath::Shutdown};
    p.cpus.push_back(std::make_unique<KvmCpu>(std::move(*vcpu), *p.half, context));
  }
  return {};
}

kernel::Platform ProcessVm::platform() {
  Parts &p = *parts_;
  std::vector<kernel::Cpu *> cpus;
  cpus.reserve(p.cpus.size());
  for (auto &cpu : p.cpus) cpus.push_back(cpu.get());
  return {*p.memory,
          *p.invalidator,
          p.half->root_entry(),
          std::move(cpus),
          p.vdso,
          p.tsc_khz,
          &p.kernel_memory->registry,
          &p.kernel_memory->vmalloc,
          p.kernel_memory.get(),
          p.pmem_frames};
}

HostKind ProcessVm::host_kind() const { return parts_->probe.kind; }
const HostProbe &ProcessVm::probe() const { return parts_->probe; }
std::string_view ProcessVm::carrier_name() const { return parts_->carrier->name(); }
const NodeBinding &ProcessVm::node_binding() const { return parts_->binding; }
const SetupTimes &ProcessVm::setup_times() const { return parts_->times; }
Vm &ProcessVm::vm() { return *parts_->vm; }
KvmCpu &ProcessVm::cpu(unsigned index) { return *parts_->cpus.at(index); }
tlb::Carrier &ProcessVm::carrier() { return *parts_->carrier; }

} // namespace pagoda::vmm
