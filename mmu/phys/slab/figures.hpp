// A cache as it stands: what /proc/slabinfo, the control socket and reports are made from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mmu/phys/slab/spec.hpp"

namespace pagoda::phys {

// Kinds of misuse; refused and counted, and in a debug cache reported at once.
enum class Misuse : std::uint8_t {
  DoubleFree,   // the object is free already
  WildFree,     // the address is no object's
  WrongCache,   // the object is another cache's
  Overrun,      // a redzone was overwritten
  UseAfterFree, // the poison of a free object was overwritten
};
inline constexpr unsigned kMisuseKinds = 5;

struct CacheFigures {
  std::string name;
  std::vector<std::string> aliases; // merged into it
  SlabPolicy policy = SlabPolicy::Slub;
  CacheFlags flags = CacheFlags::None;
  std::uint64_t active_objects = 0;
  std::uint64_t total_objects = 0;
  std::uint64_t object_size = 0; // bytes asked for
  std::uint64_t stride = 0;      // bytes from one object to the next
  std::uint64_t objects_per_slab = 0;
  std::uint64_t pages_per_slab = 0;
  std::uint64_t active_slabs = 0; // with an object in use
  std::uint64_t total_slabs = 0;
  std::uint64_t partial_slabs = 0; // with objects in use and free ones
  std::uint64_t array_limit = 0;   // SLAB's per-CPU array: limit, batch, and objects in the shared one
  std::uint64_t array_batch = 0;
  std::uint64_t shared_objects = 0;
  std::uint64_t waste_bytes = 0; // of its frames: alignment, metadata and the rest of each slab
  std::uint64_t misuses = 0;     // refused

  [[nodiscard]] std::uint64_t bytes() const { return total_slabs * pages_per_slab << 12; }
};

} // namespace pagoda::phys
