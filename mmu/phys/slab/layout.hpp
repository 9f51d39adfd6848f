// Where the objects of a slab lie: the size of a slab, the distance of objects, and the test whether
// an offset is an object's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "mmu/base/address.hpp"
#include "mmu/base/error.hpp"
#include "mmu/phys/slab/spec.hpp"

namespace pagoda::phys {

// A slab is 2^order frames; object n begins at n * stride, of which the first `size` bytes are the
// caller's.
struct SlabLayout {
  std::size_t size = 0;
  std::size_t stride = 0;
  std::size_t alignment = 0;
  std::uint32_t link = 0;    // offset in a free object of its free-list link
  std::uint32_t objects = 0; // per slab
  std::uint8_t order = 0;
  // stride = odd * 2^shift, and inverse * odd = 1 modulo 2^64.
  std::uint8_t shift = 0;
  std::uint64_t inverse = 0;

  // Invalid: a size or alignment out of range. `extra`: bytes of metadata after each object.
  static Result<SlabLayout> of(const CacheSpec &spec, std::size_t extra = 0);

  [[nodiscard]] std::size_t bytes() const { return kPageSize << order; }
  // Which object begins at that offset: n for n * stride, and a number far above any n for every other
  // offset (Granlund and Montgomery 1994, 9). So `index(offset) < objects` is the whole test.
  [[nodiscard]] std::uint64_t index(std::uint64_t offset) const { return std::rotr(offset * inverse, shift); }
};

} // namespace pagoda::phys
