#include "tools/report/cache_section.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include <fmt/format.h>

#include "tools/report/page.hpp"
#include "tools/report/stacked_bars.hpp"
#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

constexpr std::size_t kMostBars = 24;

std::string kibibytes(std::uint64_t bytes) { return fmt::format("{:.1f} KiB", double(bytes) / 1024); }

double percent(std::uint64_t part, std::uint64_t whole) { return whole == 0 ? 0 : 100 * double(part) / double(whole); }

// The product, or `most` when that is less or the product is too large for 64 bits.
std::uint64_t product_up_to(std::uint64_t a, std::uint64_t b, std::uint64_t most) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? most : std::min(product, most);
}

bool is_size_class(const CachePicture &cache) { return cache.name.starts_with("kmalloc"); }

std::string bars(const std::string &title, std::vector<CachePicture> caches) {
  if (caches.empty()) return {};
  std::ranges::sort(caches, [](const CachePicture &a, const CachePicture &b) {
    return std::tie(b.bytes, a.name) < std::tie(a.bytes, b.name); // the largest first
  });
  const std::size_t left_out = caches.size() - std::min(caches.size(), kMostBars);
  caches.resize(caches.size() - left_out);
  StackedBars chart{.title = left_out == 0 ? title : fmt::format("{}, the {} largest", title, kMostBars),
                    .unit = "bytes",
                    .parts = {{"in use", "m1"}, {"idle objects", "m5"}, {"padding", "m0"}, {"rest of slabs", "m3"}},
                    .bars = {}};
  for (const CachePicture &cache : caches) {
    const CacheUse use = use_of(cache);
    chart.bars.push_back({cache.name,
                          fmt::format("{:.0f} % wasted", percent(use.wasted(), cache.bytes)),
                          {use.in_use, use.idle, use.padding, use.rest}});
  }
  return draw(chart);
}

std::string table(const std::vector<CachePicture> &caches) {
  std::string rows;
  for (const CachePicture &cache : caches) {
    const CacheUse use = use_of(cache);
    fmt::format_to(std::back_inserter(rows),
                   "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1f} %</td></tr>\n",
                   escape(cache.name), cache.object_size, cache.stride, cache.active, cache.total,
                   kibibytes(cache.bytes), percent(use.wasted(), cache.bytes));
  }
  return "<figure><figcaption>All caches</figcaption><div class='scroll'><table>\n<tr><th>cache</th><th>object, "
         "bytes</th>"
         "<th>stride, bytes</th><th>objects in use</th><th>objects</th><th>held</th><th>wasted</th></tr>\n" +
         rows + "</table></div></figure>\n";
}

} // namespace

CacheUse use_of(const CachePicture &cache) {
  CacheUse use;
  const std::uint64_t active = std::min(cache.active, cache.total);
  std::uint64_t left = cache.bytes;
  left -= use.in_use = product_up_to(active, cache.object_size, left);
  left -= use.idle = product_up_to(cache.total - active, cache.object_size, left);
  const std::uint64_t gap = cache.stride > cache.object_size ? cache.stride - cache.object_size : 0;
  left -= use.padding = product_up_to(cache.total, gap, left);
  use.rest = left;
  return use;
}

std::string cache_section(const std::vector<CachePicture> &caches) {
  std::vector<CachePicture> classes, others;
  for (const CachePicture &cache : caches)
    if (cache.bytes != 0) (is_size_class(cache) ? classes : others).push_back(cache);
  std::string content =
      paragraph("Internal fragmentation: what the caches hold without its being in use. An object of a size "
                "class counts as in use in full, whatever part of it was asked for.");
  content += "<div class='pair'>" + bars("Slab caches", others) + bars("Size classes of kmalloc", classes) + "</div>\n";
  return section("Slab caches", content + table(caches));
}

} // namespace pagoda::report
