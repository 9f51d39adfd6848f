// Table pages out of guest-physical memory: the table memory of every real page table.
//
// The processor (and KVM) reads entries and sets A and D in them at any time, so every access here
// is atomic. Frames are of kind Table.
#pragma once

#include <atomic>
#include <cstdint>

#include "mmu/base/error.hpp"
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::table {

class PhysTableMemory {
public:
  PhysTableMemory(phys::PhysicalMemory &memory, phys::Owner owner) : memory_(&memory), owner_(owner) {}

  [[nodiscard]] Result<Gfn> allocate();
  void release(Gfn table) { memory_->put(table); }

  [[nodiscard]] std::uint64_t load(Gfn table, unsigned index) const {
    return entry(table, index).load(std::memory_order_acquire);
  }
  void store(Gfn table, unsigned index, std::uint64_t value) {
    entry(table, index).store(value, std::memory_order_release);
  }
  std::uint64_t exchange(Gfn table, unsigned index, std::uint64_t value) {
    return entry(table, index).exchange(value, std::memory_order_acq_rel);
  }
  // Stores `desired` if the entry is still `expected`; else puts what it is there and says false.
  bool compare_exchange(Gfn table, unsigned index, std::uint64_t &expected, std::uint64_t desired) {
    return entry(table, index).compare_exchange_strong(expected, desired, std::memory_order_acq_rel);
  }

  [[nodiscard]] phys::PhysicalMemory &memory() const { return *memory_; }
  [[nodiscard]] phys::Owner owner() const { return owner_; }

private:
  [[nodiscard]] std::atomic_ref<std::uint64_t> entry(Gfn table, unsigned index) const {
    return std::atomic_ref(reinterpret_cast<std::uint64_t *>(memory_->host(table))[index]);
  }
  phys::PhysicalMemory *memory_;
  phys::Owner owner_;
};

} // namespace pagoda::table
