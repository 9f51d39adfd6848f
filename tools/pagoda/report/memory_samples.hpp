// Samples of a VM's memory as JSON objects, from a control socket or a file of one a line, made into what
// the report draws.
//
//   {"time_ns":N, "name":"…", "program":"…", "host_kind":"…", "memory_bytes":N,
//    "zones":[{"node":0, "zone":"DMA32", "managed":N, "free":N, "free_blocks":[N…],
//              "pageblocks":[[FIRST, PRESENT, FREE, LARGEST, "Movable"]…]}…],
//    "caches":[{"name":"…", "object_size":N, "stride":N, "active":N, "total":N, "bytes":N}…]}
//
// Only time_ns and zones must be there; pageblocks and caches need not be in every sample: the page shows
// them as they were when they held the most. A file is hostile: numbers and lengths are bounded, and an error says what
// is wrong with it.
#pragma once

#include <cstdint>
#include <expected>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/report/memory_page.hpp"

namespace pagoda::tools {

class MemorySamples {
public:
  static constexpr std::size_t kMostSamples = 100'000, kMostZones = 512, kMostCaches = 4096;
  static constexpr std::size_t kMostPageblocks = 1u << 22; // of a sample: 8 TiB
  static constexpr std::size_t kLongestLine = 256u << 20;

  using Json = nlohmann::ordered_json;
  // One more, later than those before. After an error the samples are of no use.
  std::expected<void, std::string> add(const Json &sample);
  std::expected<void, std::string> add_line(std::string_view line);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] report::MemoryPicture finish() const;

private:
  // What a sample says of a zone.
  struct SeenZone {
    std::size_t index = 0; // in picture_.zones
    std::uint64_t managed = 0, free = 0;
    bool has_pageblocks = false;
    std::vector<report::Pageblock> pageblocks;
  };
  using Caches = std::vector<report::CachePicture>;
  std::expected<SeenZone, std::string> add_zone(const Json &zone, double seconds);
  std::expected<void, std::string> read_pageblocks(const Json &list, SeenZone &zone);
  static std::expected<Caches, std::string> read_caches(const Json &list);
  void keep(std::vector<SeenZone> zones);
  std::optional<std::size_t> zone_of(std::uint64_t node, const std::string &name);

  report::MemoryPicture picture_;
  std::string program_, host_kind_;
  std::uint64_t memory_bytes_ = 0;
  double first_ = 0, last_ = 0; // seconds
  std::size_t count_ = 0, pageblocks_ = 0;
  std::uint64_t most_blocks_ = 0; // in use when the pageblocks that are kept were taken
  std::uint64_t most_caches_ = 0; // bytes in the caches that are kept
};

// A whole file; the error names the line.
[[nodiscard]] std::expected<report::MemoryPicture, std::string> read_memory_samples(std::istream &in);

} // namespace pagoda::tools
