// A machine with the 32-bit layout: 896 MiB of low memory and a little HIGHMEM, each frame of which that
// a test asks for holds a stamp of its own.
#pragma once

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include "mmu/space/kernel_memory.hpp"
#include "tests/support/limited_memory.hpp"

namespace pagoda::test {

inline phys::Topology split32(std::uint64_t bytes, unsigned cpus = 1) {
  phys::Topology topology = phys::Topology::uma(bytes, cpus);
  topology.min_free_kbytes = 0;
  topology.watermark_scale_factor = 0;
  topology.lowmem_reserve_ratio = {};
  topology.layout = phys::LayoutKind::Split32;
  return topology;
}

class World32 {
public:
  static constexpr std::uint64_t kHighFrames = 4096;
  explicit World32(unsigned cpus = 1)
      : memory(split32(phys::kDirectMapEnd.value() + kHighFrames * kPageSize, cpus)),
        kernel(space::KernelMemory::create(*memory, {.checks = phys::CacheFlags::None}).value()), map(*kernel->map32) {}

  [[nodiscard]] static Gfn high(std::uint64_t index) { return Gfn::of(phys::kDirectMapEnd) + index; }
  [[nodiscard]] Gfn stamped(Gfn frame) {
    const std::uint64_t stamp = stamp_of(frame);
    std::memcpy(memory->host(frame), &stamp, sizeof stamp);
    return frame;
  }
  // Whether the kernel finds that frame's stamp at the address.
  [[nodiscard]] bool reads(Gva gva, Gfn frame) const {
    const auto place = map.translate(gva);
    if (!place || place->host == nullptr || place->gpa != frame.gpa()) return false;
    std::uint64_t stamp = 0;
    std::memcpy(&stamp, place->host, sizeof stamp);
    return stamp == stamp_of(frame);
  }

  LimitedMemory memory;
  std::unique_ptr<space::KernelMemory> kernel;
  space::KernelMap32 &map;

private:
  static std::uint64_t stamp_of(Gfn frame) { return frame.number() * 0x9e3779b97f4a7c15 + 1; }
};

} // namespace pagoda::test
