// The kernel half of every address space, built once in guest memory: stub pages, descriptor tables
// and the three levels of tables that map them under one root entry (guest/abi/layout.hpp).
//
// Everything in it is for the supervisor alone, but for the system-call page on a host whose SYSCALL
// stays at CPL3: that one programs may execute and read, not write.
#pragma once

#include <cstdint>
#include <vector>

#include "guest/stub/stub.hpp"
#include "mmu/base/error.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::vmm {

class KernelHalf {
public:
  static Result<KernelHalf> build(phys::PhysicalMemory &memory, unsigned cpus, stub::SyscallEntry entry);

  [[nodiscard]] space::Space::KernelHalf root_entry() const { return {abi::kKernelSlot, entry_}; }
  [[nodiscard]] stub::Page syscall_page(unsigned cpu) const;
  // Host address of the end of a vCPU's exception stack.
  [[nodiscard]] const std::byte *stack_top(unsigned cpu) const;
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

private:
  struct CpuFrames {
    Gfn syscall, descriptors, stack;
  };
  explicit KernelHalf(phys::PhysicalMemory &memory) : memory_(&memory) {}

  phys::PhysicalMemory *memory_;
  std::uint64_t entry_ = 0;
  std::uint64_t frames_ = 0;
  std::vector<CpuFrames> cpus_;
};

} // namespace pagoda::vmm
