// The smallest guest there is: a root table with the kernel half, a page of code and whatever pages
// are put into it, without a kernel. For the doctor and for tests of the processor.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "mmu/space/space.hpp"
#include "vmm/process_vm.hpp"

namespace pagoda::vmm::doctor {

inline constexpr Gva kProbeCode{0x10'0000'0000};
inline constexpr Gva kProbeStack{0x20'0000'0000}; // one page, its top is kProbeStack + 4K
inline constexpr std::uint64_t kProbeDone = 1000; // the system call that ends a routine

class BareGuest {
public:
  // `code` is copied to kProbeCode, at most one page.
  static Result<std::unique_ptr<BareGuest>> create(ProcessVm &vm, std::span<const std::byte> code);
  ~BareGuest();
  BareGuest(const BareGuest &) = delete;
  BareGuest &operator=(const BareGuest &) = delete;

  // A fresh zeroed frame mapped at `gva`.
  Result<Gfn> add_page(Gva gva, Prot prot);
  // A frame that is not mapped yet.
  Result<Gfn> add_frame();
  [[nodiscard]] std::byte *host(Gfn frame) const { return platform_.memory.host(frame); }
  [[nodiscard]] space::ProcessTable &table() { return table_; }
  // Applies a batch as programs' edits are applied.
  void consume(table::InvalidationBatch batch);
  [[nodiscard]] kernel::RunTarget target() const { return {table_.root(), 1, 1}; }
  [[nodiscard]] const kernel::Platform &platform() const { return platform_; }
  // Registers that start at `offset` in the code page, on the probe stack.
  [[nodiscard]] static kernel::Registers at(std::uint64_t offset);

private:
  BareGuest(kernel::Platform platform, std::unique_ptr<table::PhysTableMemory> tables, space::ProcessTable table);
  kernel::Platform platform_;
  std::unique_ptr<table::PhysTableMemory> table_memory_;
  space::ProcessTable table_;
  std::vector<Gfn> frames_;
};

// The doctor's own code page, and where its routines begin in it.
[[nodiscard]] std::span<const std::byte> probe_code();
struct ProbeOffsets {
  std::uint64_t read, write, calls, getpid, spin;
};
[[nodiscard]] ProbeOffsets probe_offsets();

} // namespace pagoda::vmm::doctor
