// The host mapping that is the guest's RAM: Hva = base + Gpa for all of it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/fd.hpp"
#include "vmm/host_error.hpp"
#include "vmm/process_vm.hpp"

namespace pagoda::vmm {

class BackingMemory {
public:
  // `bytes` of address space, 2M-aligned, not yet populated.
  static HostResult<BackingMemory> reserve(std::uint64_t bytes, Backing kind);
  BackingMemory(BackingMemory &&other) noexcept;
  BackingMemory &operator=(BackingMemory &&) = delete;
  ~BackingMemory();

  [[nodiscard]] std::byte *base() const { return base_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

private:
  BackingMemory() = default;
  Fd memfd_;
  void *mapping_ = nullptr; // with the slack that alignment needs
  std::size_t mapped_ = 0;
  std::byte *base_ = nullptr;
  std::uint64_t size_ = 0;
};

} // namespace pagoda::vmm
