// What the VM gives to the kernel that runs a process guest: filled in by vmm, borrowed here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest/linux/cpu.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {

// The host's own [vvar][vdso] pages, in a read-only slot of the VM: clock calls without an exit.
struct VdsoSlot {
  Gfn first;                    // frame of the first vvar page
  std::uint64_t vvar_pages = 0; // data pages, mapped read-only
  std::uint64_t vdso_pages = 0; // code pages right behind, mapped read-execute
};

struct Platform {
  phys::PhysicalMemory &memory;
  tlb::Invalidator &invalidator;
  space::Space::KernelHalf kernel_half;
  std::vector<Cpu *> cpus;
  std::optional<VdsoSlot> vdso;
  std::uint64_t tsc_khz = 0;
};

} // namespace pagoda::kernel
