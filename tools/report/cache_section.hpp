// What slab caches and kmalloc's size classes hold without using it.
#pragma once

#include <string>
#include <vector>

#include "tools/report/memory_page.hpp"

namespace pagoda::report {

// The bytes that a cache holds, by what they are for.
struct CacheUse {
  std::uint64_t in_use = 0;  // of objects that are handed out
  std::uint64_t idle = 0;    // of objects that are not
  std::uint64_t padding = 0; // between objects: alignment and metadata
  std::uint64_t rest = 0;    // of each slab, behind its last object
  [[nodiscard]] std::uint64_t wasted() const { return idle + padding + rest; }
};
// Figures that contradict each other are cut down, so that the parts never exceed `bytes`.
[[nodiscard]] CacheUse use_of(const CachePicture &cache);

[[nodiscard]] std::string cache_section(const std::vector<CachePicture> &caches);

} // namespace pagoda::report
