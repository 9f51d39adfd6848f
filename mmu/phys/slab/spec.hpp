// What a cache is asked to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pagoda::phys {

enum class CacheFlags : std::uint32_t {
  None = 0,
  HwCacheAlign = 1u << 0,   // objects start at cache lines
  ReclaimAccount = 1u << 1, // what it holds can be shrunk: SReclaimable, and its frames are reclaimable
  NoMerge = 1u << 2,        // never one with a like cache
  SmallSlabs = 1u << 3,     // few objects are expected: slabs of few frames
  // Checks of a debug cache; any of them makes it one.
  Consistency = 1u << 8, // double and wild frees
  RedZone = 1u << 9,     // writes beyond the object
  Poison = 1u << 10,     // writes to and reads of freed objects
  StoreUser = 1u << 11,  // who allocated and who freed an object
  AllChecks = Consistency | RedZone | Poison | StoreUser,
};
constexpr CacheFlags operator|(CacheFlags a, CacheFlags b) { return CacheFlags(std::uint32_t(a) | std::uint32_t(b)); }
constexpr CacheFlags operator&(CacheFlags a, CacheFlags b) { return CacheFlags(std::uint32_t(a) & std::uint32_t(b)); }
constexpr bool any(CacheFlags f) { return f != CacheFlags::None; }
constexpr bool has(CacheFlags f, CacheFlags bits) { return (f & bits) == bits; }

// Brings fresh memory into the state in which objects are handed out and given back.
using Constructor = void (*)(void *object);

struct CacheSpec {
  std::string name;
  std::size_t size = 0;      // bytes; 1 to kMaxObjectSize
  std::size_t alignment = 0; // a power of two up to a page; 0: that of a pointer
  Constructor constructor = nullptr;
  CacheFlags flags = CacheFlags::None;
};

inline constexpr std::size_t kMaxObjectSize = std::size_t{1} << 20;

// How caches use their frames.
enum class SlabPolicy : std::uint8_t {
  Slub, // a freelist per CPU in the objects themselves, partial slabs per CPU and per node
  Slab, // arrays of objects per CPU and per node over full, partial and free slabs (Bonwick 1994, 2001)
  Slob, // first fit of units in pages shared by all caches (Knuth, TAOCP vol. 1, 2.5)
};

} // namespace pagoda::phys
