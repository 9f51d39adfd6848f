// A small machine for tests of spaces and faults: memory, a carrier that remembers, one space.
#pragma once

#include <cstring>
#include <gtest/gtest.h>
#include <memory>

#include "mmu/base/failpoint.hpp"
#include "mmu/fault/fault.hpp"
#include "mmu/fault/guest_memory.hpp"
#include "mmu/space/space.hpp"
#include "mmu/tlb/invalidator.hpp"
#include "tests/support/limited_memory.hpp"
#include "tests/support/recording_carrier.hpp"

namespace pagoda::test {

inline constexpr Prot kReadWrite = Prot::Read | Prot::Write;

class World {
public:
  explicit World(std::uint64_t bytes = 64ull << 20) : World(phys::Topology::without_reserves(bytes)) {}
  explicit World(const phys::Topology &topology) : memory(topology), invalidator(carrier, *memory) {
    space = *space::Space::create(*memory, invalidator, {}, 1);
  }
  ~World() {
    failpoint::frame_allocation.fail_at(0);
    failpoint::table_allocation.fail_at(0);
    failpoint::file_read.fail_at(0);
  }

  LimitedMemory memory;
  RecordingCarrier carrier;
  tlb::Invalidator invalidator;
  std::shared_ptr<space::Space> space;
};

constexpr std::uint64_t pages(std::uint64_t count) { return count * kPageSize; }
constexpr GvaRange range_of(Gva begin, std::uint64_t count) { return {begin, begin + pages(count)}; }

inline space::MapRequest anonymous(std::uint64_t count, Prot prot = kReadWrite) {
  space::MapRequest request;
  request.length = pages(count);
  request.area.prot = prot;
  return request;
}

inline space::MapRequest anonymous_at(Gva at, std::uint64_t count, Prot prot = kReadWrite) {
  space::MapRequest request = anonymous(count, prot);
  request.hint = at;
  request.placement = space::MapRequest::Placement::Fixed;
  return request;
}

inline fault::Case touch(space::Space &space, Gva gva, Access access = Access::Write) {
  return fault::resolve(space, gva, access).which;
}

// One word of a program's memory, as the program would see it; fails the test when it cannot.
inline std::uint64_t peek(space::Space &space, Gva gva) {
  std::uint64_t value = 0;
  EXPECT_TRUE(fault::read_value(space, gva, value)) << std::hex << gva.value();
  return value;
}
inline void poke(space::Space &space, Gva gva, std::uint64_t value) {
  EXPECT_TRUE(fault::write_value(space, gva, value)) << std::hex << gva.value();
}

} // namespace pagoda::test
