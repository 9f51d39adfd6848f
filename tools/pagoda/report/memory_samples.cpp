#include "tools/pagoda/report/memory_samples.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "mmu/phys/migratetype.hpp"
#include "mmu/phys/order.hpp"
#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

using Json = MemorySamples::Json;
using Checked = std::expected<void, std::string>;

constexpr std::uint64_t kMostFrames = 1ull << 40; // of any figure: sums of them stay far from overflow
constexpr std::uint64_t kMostBytes = 1ull << 52;
constexpr std::size_t kLongestName = 256;
constexpr unsigned kDeepest = 8;

std::unexpected<std::string> bad(std::string_view key, std::string_view why) {
  return std::unexpected(fmt::format("\"{}\" {}", key, why));
}

std::optional<std::uint64_t> number(const Json &value, std::uint64_t most) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto found = value.get<std::uint64_t>();
  return found > most ? std::nullopt : std::optional(found);
}

// A number that must be there.
Checked take(const Json &object, const char *key, std::uint64_t most, std::uint64_t &into) {
  const auto found = object.find(key);
  const auto value = found == object.end() ? std::nullopt : number(*found, most);
  if (!value) return bad(key, "is missing or no number in its range");
  into = *value;
  return {};
}

// Text that may be there; anything else is as if it were not.
void take_text(const Json &object, const char *key, std::string &into) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) into = found->get_ref<const std::string &>().substr(0, kLongestName);
}

report::BlockKind kind_of(std::string_view name) {
  constexpr std::array kKinds{report::BlockKind::Unmovable, report::BlockKind::Movable, report::BlockKind::Reclaimable,
                              report::BlockKind::HighAtomic, report::BlockKind::Isolate};
  static_assert(kKinds.size() == phys::kMigratetypes);
  for (unsigned i = 0; i < phys::kMigratetypes; ++i)
    if (phys::name(phys::Migratetype(i)) == name) return kKinds[i];
  return report::BlockKind::Other;
}

// Brackets within brackets, those in strings left out; asked before the parser builds anything.
bool too_deep(std::string_view line) {
  unsigned depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{') && ++depth > kDeepest)
      return true;
    else if (!in_string && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return false;
}

} // namespace

Checked MemorySamples::add(const Json &sample) {
  if (!sample.is_object()) return std::unexpected("a sample is no object");
  if (count_ == kMostSamples) return std::unexpected(fmt::format("there are more than {} samples", kMostSamples));
  std::uint64_t time = 0;
  if (const auto taken = take(sample, "time_ns", ~0ull >> 1, time); !taken) return taken;
  const double seconds = double(time) / 1e9;
  if (count_ != 0 && seconds < last_) return bad("time_ns", "is before the sample before it");
  if (count_++ == 0) first_ = seconds;
  last_ = seconds;
  take_text(sample, "name", picture_.name);
  take_text(sample, "program", program_);
  take_text(sample, "host_kind", host_kind_);
  if (const auto bytes = number(sample.value("memory_bytes", Json()), kMostBytes)) memory_bytes_ = *bytes;

  const auto zones = sample.find("zones");
  if (zones == sample.end() || !zones->is_array()) return bad("zones", "is missing or no list");
  pageblocks_ = 0;
  std::vector<SeenZone> seen;
  for (const Json &zone : *zones) {
    auto added = add_zone(zone, seconds);
    if (!added) return std::unexpected(added.error());
    seen.push_back(std::move(*added));
  }
  keep(std::move(seen));
  const auto list = sample.find("caches");
  if (list == sample.end()) return {};
  auto caches = read_caches(*list);
  if (!caches) return std::unexpected(caches.error());
  std::uint64_t bytes = 0;
  for (const report::CachePicture &cache : *caches) bytes += cache.bytes;
  if (bytes >= most_caches_) {
    most_caches_ = bytes;
    picture_.caches = std::move(*caches);
  }
  return {};
}

// The figures of a zone are those of its pageblocks, where there are any.
void MemorySamples::keep(std::vector<SeenZone> zones) {
  std::uint64_t used = 0;
  for (const SeenZone &zone : zones) used += zone.managed - std::min(zone.free, zone.managed);
  const bool fullest = used >= most_blocks_;
  for (SeenZone &zone : zones) {
    report::ZonePicture &picture = picture_.zones[zone.index];
    const bool shown = zone.has_pageblocks && fullest;
    if (shown) {
      picture.pageblocks = std::move(zone.pageblocks);
      most_blocks_ = used;
    }
    if (!shown && !picture.pageblocks.empty()) continue;
    picture.managed = zone.managed;
    picture.free = zone.free;
  }
}

std::optional<std::size_t> MemorySamples::zone_of(std::uint64_t node, const std::string &name) {
  for (std::size_t i = 0; i < picture_.zones.size(); ++i)
    if (picture_.zones[i].node == node && picture_.zones[i].name == name) return i;
  if (picture_.zones.size() == kMostZones) return std::nullopt;
  picture_.zones.push_back({unsigned(node), name, 0, 0, {}, {}});
  return picture_.zones.size() - 1;
}

std::expected<MemorySamples::SeenZone, std::string> MemorySamples::add_zone(const Json &zone, double seconds) {
  if (!zone.is_object()) return bad("zones", "holds something that is no object");
  std::uint64_t node = 0;
  SeenZone seen;
  if (const auto taken = take(zone, "node", 1023, node); !taken) return std::unexpected(taken.error());
  if (const auto taken = take(zone, "managed", kMostFrames, seen.managed); !taken)
    return std::unexpected(taken.error());
  if (const auto taken = take(zone, "free", kMostFrames, seen.free); !taken) return std::unexpected(taken.error());
  std::string name;
  take_text(zone, "zone", name);
  if (name.empty()) return bad("zone", "is missing or no name");
  const auto blocks = zone.find("free_blocks");
  if (blocks == zone.end() || !blocks->is_array() || blocks->size() > phys::kLargestOrder + 1)
    return bad("free_blocks", "is missing or no list of numbers by order");
  report::FreeSample sample{seconds, {}};
  for (const Json &count : *blocks) {
    const auto value = number(count, kMostFrames >> sample.free_blocks.size());
    if (!value) return bad("free_blocks", "holds something that is no number in its range");
    sample.free_blocks.push_back(*value);
  }
  const auto index = zone_of(node, name);
  if (!index) return bad("zones", fmt::format("names more than {} zones", kMostZones));
  seen.index = *index;
  picture_.zones[*index].samples.push_back(std::move(sample));
  if (const auto pageblocks = zone.find("pageblocks"); pageblocks != zone.end())
    if (const auto read = read_pageblocks(*pageblocks, seen); !read) return std::unexpected(read.error());
  return seen;
}

Checked MemorySamples::read_pageblocks(const Json &list, SeenZone &zone) {
  if (!list.is_array()) return bad("pageblocks", "is no list");
  if (pageblocks_ += list.size(); pageblocks_ > kMostPageblocks) return bad("pageblocks", "holds too many");
  zone.has_pageblocks = true;
  zone.pageblocks.reserve(list.size());
  for (const Json &entry : list) {
    if (!entry.is_array() || entry.size() != 5 || !entry[4].is_string())
      return bad("pageblocks", "holds something that is not [FIRST, PRESENT, FREE, LARGEST, \"Migratetype\"]");
    const auto first = number(entry[0], kMostFrames), present = number(entry[1], phys::kPageblockFrames),
               free = number(entry[2], phys::kPageblockFrames), largest = number(entry[3], phys::kLargestOrder);
    if (!first || !present || !free || !largest) return bad("pageblocks", "holds a number that is not in its range");
    zone.pageblocks.push_back({*first, std::uint32_t(*present), std::uint32_t(*free), std::uint8_t(*largest),
                               kind_of(entry[4].get_ref<const std::string &>())});
  }
  return {};
}

std::expected<MemorySamples::Caches, std::string> MemorySamples::read_caches(const Json &list) {
  if (!list.is_array() || list.size() > kMostCaches) return bad("caches", "is no list, or one that is too long");
  Caches caches;
  for (const Json &entry : list) {
    if (!entry.is_object()) return bad("caches", "holds something that is no object");
    report::CachePicture cache;
    take_text(entry, "name", cache.name);
    for (const auto &[key, into] : {std::pair{"object_size", &cache.object_size},
                                    {"stride", &cache.stride},
                                    {"active", &cache.active},
                                    {"total", &cache.total},
                                    {"bytes", &cache.bytes}})
      if (const auto taken = take(entry, key, kMostBytes, *into); !taken) return std::unexpected(taken.error());
    caches.push_back(std::move(cache));
  }
  return caches;
}

Checked MemorySamples::add_line(std::string_view line) {
  if (too_deep(line)) return std::unexpected("it is nested too deeply");
  const Json value = Json::parse(line.begin(), line.end(), nullptr, false);
  if (value.is_discarded()) return std::unexpected("it is no JSON");
  return add(value);
}

report::MemoryPicture MemorySamples::finish() const {
  report::MemoryPicture picture = picture_;
  if (picture.name.empty()) picture.name = program_.empty() ? "a guest" : program_;
  if (!program_.empty()) picture.facts.emplace_back("program", program_);
  if (memory_bytes_ != 0) picture.facts.emplace_back("memory", human_bytes(memory_bytes_));
  picture.facts.emplace_back("host kind", host_kind_.empty() ? "unknown" : host_kind_);
  picture.facts.emplace_back("samples", count_ == 1
                                            ? fmt::format("1, at {:.2f} s", last_)
                                            : fmt::format("{} in {:.2f} s", human_count(count_), last_ - first_));
  return picture;
}

std::expected<report::MemoryPicture, std::string> read_memory_samples(std::istream &in) {
  MemorySamples samples;
  std::string line;
  const auto at = [](std::size_t number, std::string_view what) {
    return std::unexpected(fmt::format("line {}: {}", number, what));
  };
  for (std::size_t number = 1;; ++number) {
    line.clear();
    int c = in.get();
    for (; c != '\n' && c != std::istream::traits_type::eof(); c = in.get()) {
      if (line.size() == MemorySamples::kLongestLine) return at(number, "it is too long");
      line += char(c);
    }
    if (!line.empty())
      if (const auto added = samples.add_line(line); !added) return at(number, added.error());
    if (c != '\n') break;
  }
  if (in.bad()) return std::unexpected("it could not be read to its end");
  if (samples.count() == 0) return std::unexpected("there is no sample in it");
  return samples.finish();
}

} // namespace pagoda::tools
