#include "tools/report/memory_page.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "mmu/phys/fragmentation.hpp"
#include "mmu/phys/order.hpp"
#include "tools/report/cache_section.hpp"
#include "tools/report/line_chart.hpp"
#include "tools/report/page.hpp"
#include "tools/report/square_map.hpp"

namespace pagoda::report {
namespace {

constexpr unsigned kOrders = phys::kMaxOrder + 1;

const std::vector<LegendEntry> &kinds() {
  static const std::vector<LegendEntry> entries{{"unmovable", "m0"},   {"movable", "m1"}, {"reclaimable", "m2"},
                                                {"high-atomic", "m3"}, {"isolate", "m4"}, {"other", "m5"}};
  return entries;
}

std::string zone_name(const ZonePicture &zone) { return fmt::format("Node {}, zone {}", zone.node, zone.name); }

std::string mebibytes(std::uint64_t frames) { return fmt::format("{:.1f} MiB", double(frames) / 256); }

// Nothing free is a full square; free blocks of order 0 to 9 are holes of 1 to 10 tenths.
Square square_of(const Pageblock &block) {
  constexpr unsigned kSteps = phys::kPageblockOrder + 1;
  const bool any = block.free != 0;
  const auto hole = std::uint8_t(any ? std::min<unsigned>(block.largest + 1u, kSteps) : 0);
  const auto colour = std::uint8_t(std::min<std::size_t>(std::size_t(block.kind), kinds().size() - 1));
  std::string tip = fmt::format("{:#x}: {}, {} of {} frames free", block.first << 12, kinds()[colour].label, block.free,
                                block.present);
  if (any) tip += fmt::format(", the largest block of order {}", block.largest);
  return {colour, hole, std::move(tip)};
}

std::string pageblock_section(const MemoryPicture &picture) {
  std::vector<std::string> holes{"full"};
  for (unsigned order = 0; order <= phys::kPageblockOrder; ++order)
    holes.push_back(order % 3 == 0 ? fmt::format("order {}", order) : "");
  holes.back() = fmt::format("order {} or more: all free", phys::kPageblockOrder);
  std::string content =
      paragraph("Each square is a pageblock of 512 frames (2 MiB), in the order of addresses from left to "
                "right. The colour is its migratetype; the hole is as large as its largest free block.");
  content += draw_legend(kinds()) + draw_hole_legend(holes, "m4");
  for (const ZonePicture &zone : picture.zones) {
    if (zone.pageblocks.empty()) continue;
    SquareMap map{.title = fmt::format("{}: {} pageblocks, {} managed, {} free", zone_name(zone),
                                       zone.pageblocks.size(), mebibytes(zone.managed), mebibytes(zone.free)),
                  .colours = kinds(),
                  .hole_steps = phys::kPageblockOrder + 1,
                  .squares = {}};
    std::ranges::transform(zone.pageblocks, std::back_inserter(map.squares), square_of);
    content += draw(map);
  }
  return section("Pageblocks", content);
}

template <class Index> std::vector<Series> series_of(const ZonePicture &zone, Index index) {
  std::vector<Series> all;
  for (unsigned order = 1; order < kOrders; ++order) {
    Series series{order, fmt::format("o{}", order), {}};
    for (const FreeSample &sample : zone.samples)
      series.points.emplace_back(sample.seconds, double(index(sample.free_blocks, phys::Order(order))) / 1000);
    all.push_back(std::move(series));
  }
  return all;
}

std::string fragmentation_section(const MemoryPicture &picture) {
  std::string content =
      paragraph("Unusable-free index: the share of free memory that an allocation of that order cannot use. "
                "Fragmentation index: why it would fail; towards 0 for lack of memory, towards 1 because "
                "of fragmentation; −1 means that it would succeed. Order 0 is left out: it can use all.");
  for (const ZonePicture &zone : picture.zones) {
    if (zone.samples.empty()) continue;
    const LineChart unusable{.title = zone_name(zone) + ": unusable-free index",
                             .word = "order",
                             .series = series_of(zone, phys::unusable_free_index)};
    const LineChart fragmentation{.title = zone_name(zone) + ": fragmentation index",
                                  .word = "order",
                                  .low = -1,
                                  .ticks = {{-1, "−1"}, {-0.5, ""}, {0, "0"}, {0.5, "0.5"}, {1, "1"}},
                                  .series = series_of(zone, phys::fragmentation_index)};
    content += "<div class='pair'>" + draw(unusable) + draw(fragmentation) + "</div>\n";
  }
  return section("Fragmentation over time", content);
}

} // namespace

std::string memory_page(const MemoryPicture &picture) {
  Page page{.title = "Memory of " + picture.name, .facts = picture.facts, .body = {}};
  if (std::ranges::any_of(picture.zones, [](const ZonePicture &zone) { return !zone.pageblocks.empty(); }))
    page.body += pageblock_section(picture);
  if (std::ranges::any_of(picture.zones, [](const ZonePicture &zone) { return !zone.samples.empty(); }))
    page.body += fragmentation_section(picture);
  if (!picture.caches.empty()) page.body += cache_section(picture.caches);
  return html(page);
}

} // namespace pagoda::report
