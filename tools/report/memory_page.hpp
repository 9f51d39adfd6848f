// The report of a guest's memory: its pageblocks as they lie, how fragmented its zones were over time,
// and what its slab caches keep without using it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagoda::report {

enum class BlockKind : std::uint8_t { Unmovable, Movable, Reclaimable, HighAtomic, Isolate, Other };

struct Pageblock {
  std::uint64_t first = 0;   // frame number
  std::uint32_t present = 0; // frames of it that there are
  std::uint32_t free = 0;    // of those
  std::uint8_t largest = 0;  // order of the largest free block in it, when any is free
  BlockKind kind = BlockKind::Movable;
};

struct FreeSample {
  double seconds = 0;
  std::vector<std::uint64_t> free_blocks; // by order
};

struct ZonePicture {
  unsigned node = 0;
  std::string name;
  std::uint64_t managed = 0, free = 0; // frames, at the last sample
  std::vector<Pageblock> pageblocks;   // at the last sample that had them
  std::vector<FreeSample> samples;     // in order of time
};

struct CachePicture {
  std::string name;
  std::uint64_t object_size = 0, stride = 0; // bytes
  std::uint64_t active = 0, total = 0;       // objects
  std::uint64_t bytes = 0;                   // held in slabs
};

struct MemoryPicture {
  std::string name;                                       // of the VM
  std::vector<std::pair<std::string, std::string>> facts; // shown under the title
  std::vector<ZonePicture> zones;
  std::vector<CachePicture> caches; // at the last sample
};

[[nodiscard]] std::string memory_page(const MemoryPicture &picture);

} // namespace pagoda::report
