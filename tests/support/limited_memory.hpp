// Guest-physical memory of any size over host memory of its own, for tests without a VM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>

#include "mmu/phys/physical_memory.hpp"

namespace pagoda::test {

// `bytes` of guest RAM; with 4 MiB, frames 1 to 1023 can be allocated.
class LimitedMemory {
public:
  explicit LimitedMemory(std::uint64_t bytes)
      : backing_(phys::Layout(bytes).end().value()), memory_(phys::Layout(bytes), backing_.base) {}
  // With the nodes, zones and reserves of a topology.
  explicit LimitedMemory(const phys::Topology &topology)
      : backing_(topology.end().value()), memory_(topology, backing_.base) {}

  [[nodiscard]] phys::PhysicalMemory &operator*() { return memory_; }
  [[nodiscard]] phys::PhysicalMemory *operator->() { return &memory_; }

  // Frames that are neither free nor reserved.
  [[nodiscard]] std::uint64_t in_use() const {
    const phys::Counters now = memory_.counters();
    return now.managed - now.free;
  }

private:
  struct Backing {
    explicit Backing(std::uint64_t length) : bytes(length) {
      if (bytes == 0) return;
      void *at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (at == MAP_FAILED) throw std::bad_alloc();
      base = static_cast<std::byte *>(at);
    }
    ~Backing() {
      if (base != nullptr) ::munmap(base, bytes);
    }
    Backing(const Backing &) = delete;
    Backing &operator=(const Backing &) = delete;
    std::size_t bytes;
    std::byte *base = nullptr;
  };
  Backing backing_;
  phys::PhysicalMemory memory_;
};

} // namespace pagoda::test
