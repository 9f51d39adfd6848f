// The ways by which a downgrade in a guest page table reaches the processor; see mmu/tlb/invalidator.hpp
// for what each must guarantee. `pagoda doctor` proves the chosen one.
//
// With hardware stage 2 only the guest's own TLB can be stale: HardwareCarrier. A host that shadows
// guest page tables does not see a store to one, so the shadow entries must be dropped from the other
// end: whatever changes the host mapping of the *old data page* makes KVM drop every translation to
// it (mmu notifier), on every vCPU, before the call returns.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "mmu/tlb/invalidator.hpp"
#include "vmm/fd.hpp"
#include "vmm/guest_gate.hpp"
#include "vmm/host_error.hpp"
#include "vmm/host_kind.hpp"
#include "vmm/vm.hpp"

namespace pagoda::vmm {

// Frames of the stale leaves as sorted, disjoint ranges: neighbours cost one call together.
[[nodiscard]] std::vector<GfnRange> joined_ranges(std::span<const table::StaleLeaf> stale);

// ept, npt: every vCPU that may hold the translations is brought out of the guest and flushes its
// TLB before its next guest instruction.
class HardwareCarrier final : public tlb::Carrier {
public:
  explicit HardwareCarrier(std::vector<GuestGate *> gates) : gates_(std::move(gates)) {}
  [[nodiscard]] const char *name() const override { return "hardware"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override;
  Result<> flush_all() override;
  [[nodiscard]] bool caches_tables() const override { return false; }

private:
  std::vector<GuestGate *> gates_;
};

// Any host: adding and deleting a slot makes KVM drop everything it derived for the VM.
class SlotCarrier final : public tlb::Carrier {
public:
  SlotCarrier(Vm &vm, const phys::PhysicalMemory &memory) : vm_(vm), memory_(memory) {}
  [[nodiscard]] const char *name() const override { return "slot"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override;
  Result<> flush_all() override;
  [[nodiscard]] bool caches_tables() const override { return true; }

private:
  Vm &vm_;
  const phys::PhysicalMemory &memory_;
};

// shadow, pvm: userfaultfd write protection of the old data page, lifted by the kernel itself at the
// next write (WP_ASYNC, Linux 6.7): the page stays accessible to everybody meanwhile.
class WriteProtectCarrier final : public tlb::Carrier {
public:
  // Nothing when this host has no userfaultfd, or one without WP_ASYNC.
  static std::unique_ptr<WriteProtectCarrier> create(Vm &vm, const phys::PhysicalMemory &memory);
  [[nodiscard]] const char *name() const override { return "writeprotect"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override;
  Result<> flush_all() override { return all_.flush_all(); }
  [[nodiscard]] bool caches_tables() const override { return true; }

private:
  WriteProtectCarrier(Fd fd, Vm &vm, const phys::PhysicalMemory &memory)
      : fd_(std::move(fd)), memory_(memory), all_(vm, memory) {}
  Fd fd_;
  const phys::PhysicalMemory &memory_;
  SlotCarrier all_;
};

// shadow, pvm without the above: mprotect adds PROT_EXEC to the old data page's host mapping and
// takes it away again. The page never loses a right, so host threads may use it all the while.
class MprotectCarrier final : public tlb::Carrier {
public:
  // Nothing when this host forbids writable and executable memory.
  static std::unique_ptr<MprotectCarrier> create(Vm &vm, const phys::PhysicalMemory &memory);
  [[nodiscard]] const char *name() const override { return "mprotect"; }
  Result<> flush(Gfn root, std::span<const table::StaleLeaf> stale) override;
  Result<> flush_all() override { return all_.flush_all(); }
  [[nodiscard]] bool caches_tables() const override { return true; }

private:
  MprotectCarrier(Vm &vm, const phys::PhysicalMemory &memory) : memory_(memory), all_(vm, memory) {}
  const phys::PhysicalMemory &memory_;
  SlotCarrier all_;
};

// Deliberately wrong: shows that the proof finds a host where something must be done.
class NoCarrier final : public tlb::Carrier {
public:
  [[nodiscard]] const char *name() const override { return "none"; }
  Result<> flush(Gfn, std::span<const table::StaleLeaf>) override { return {}; }
  Result<> flush_all() override { return {}; }
  [[nodiscard]] bool caches_tables() const override { return false; }
};

struct CarrierParts {
  Vm &vm;
  const phys::PhysicalMemory &memory;
  std::vector<GuestGate *> gates;
};

// The carrier asked for, or the cheapest that is right on a host of that kind; an error when the
// one asked for cannot work here.
[[nodiscard]] HostResult<std::unique_ptr<tlb::Carrier>> choose_carrier(HostKind kind, CarrierChoice choice,
                                                                       const CarrierParts &parts);

} // namespace pagoda::vmm
