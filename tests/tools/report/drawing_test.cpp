#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/report/cache_section.hpp"
#include "tools/report/line_chart.hpp"
#include "tools/report/memory_page.hpp"
#include "tools/report/square_map.hpp"
#include "tools/report/svg.hpp"

namespace pagoda::report {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(const std::string &text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Escape, LeavesNoMarkupAndNoBrokenText) {
  EXPECT_EQ(escape("<a href='x'>&\"b\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;b&quot;");
  EXPECT_EQ(escape("größer −1 ≤ €"), "größer −1 ≤ €");
  EXPECT_EQ(escape("a\x01z\x1b"), "a\xef\xbf\xbdz\xef\xbf\xbd");
  EXPECT_EQ(escape("\xff"), "\xef\xbf\xbd");
  EXPECT_EQ(escape("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd") << "cut short";
  EXPECT_EQ(escape("\xc0\xbc"), "\xef\xbf\xbd\xef\xbf\xbd") << "'<' in more bytes than it takes";
  EXPECT_EQ(escape("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "half of a surrogate pair";
  EXPECT_EQ(escape("\xf0\x9f\x90\x98"), "\xf0\x9f\x90\x98");
}

TEST(NumberRuns, AreDrawnTogether) {
  EXPECT_EQ(number_runs({}), "");
  EXPECT_EQ(number_runs({3}), "3");
  EXPECT_EQ(number_runs({1, 2}), "1, 2");
  EXPECT_EQ(number_runs({1, 3, 4, 5, 9, 10}), "1, 3–5, 9, 10");
}

TEST(LineChart, LinesThatEndTogetherShareALabel) {
  LineChart chart{.title = "t", .word = "order", .series = {}};
  for (unsigned i = 1; i <= 4; ++i) chart.series.push_back({i, "o1", {{0, 0}, {1, i < 4 ? 0.2 : 0.9}}});
  const std::string drawing = draw(chart);
  EXPECT_THAT(drawing, HasSubstr(">order 1–3<"));
  EXPECT_THAT(drawing, HasSubstr(">order 4<"));
  EXPECT_EQ(count(drawing, "class='line s-"), 4u);
}

TEST(LineChart, IsDrawnForOneSampleAndForNone) {
  EXPECT_THAT(draw({.title = "one", .word = "", .series = {{1, "o1", {{5, 0.5}}}}}), Not(HasSubstr("nan")));
  EXPECT_THAT(draw({.title = "none", .word = "", .series = {}}), Not(HasSubstr("nan")));
  EXPECT_THAT(draw({.title = "many",
                    .word = "",
                    .series = {{1, "o1", std::vector<std::pair<double, double>>(50'000, {1.0, 7.0})}}}),
              testing::SizeIs(testing::Lt(40'000u)));
}

TEST(SquareMap, MergesWhatIsTooManyAndSaysSo) {
  SquareMap map{.title = "Zone", .colours = {{"a", "m0"}, {"b", "m1"}}, .squares = {}};
  map.squares.assign(kMostSquares * 3, {1, 10, "tip"});
  for (std::size_t i = 0; i < 3; ++i) map.squares[i] = {0, 0, {}};
  const std::string drawing = draw(map);
  EXPECT_THAT(drawing, HasSubstr("each square stands for 3 pageblocks"));
  EXPECT_EQ(count(drawing, "<path"), 2u) << "one a colour";
  EXPECT_THAT(drawing, Not(HasSubstr("<title>")));
  EXPECT_LT(drawing.size(), kMostSquares * 100);
}

TEST(SquareMap, ColoursOutOfRangeAreNotDrawn) {
  EXPECT_EQ(count(draw({.title = "t", .colours = {{"a", "m0"}}, .squares = {{9, 3, "tip"}}}), "<path"), 0u);
}

TEST(CacheUse, PartsAddUpToWhatIsHeld) {
  const CacheUse use = use_of({"c", 100, 128, 10, 30, 4096});
  EXPECT_EQ(use.in_use, 1000u);
  EXPECT_EQ(use.idle, 2000u);
  EXPECT_EQ(use.padding, 30u * 28);
  EXPECT_EQ(use.rest, 4096u - 3840);
}

TEST(CacheUse, ContradictionsAreCutDown) {
  for (const CachePicture &cache : {CachePicture{"c", ~0ull, ~0ull, ~0ull, ~0ull, 4096},
                                    {"c", 10, 0, 100, 5, 20},
                                    {"c", 1ull << 40, 8, 1ull << 40, 1ull << 41, 1ull << 52}}) {
    const CacheUse use = use_of(cache);
    EXPECT_EQ(use.in_use + use.wasted(), cache.bytes);
  }
}

TEST(MemoryPage, AsksForNothingAndTrustsNoName) {
  MemoryPicture picture{
      .name = "</title><script>alert(1)</script>", .facts = {{"program", "<img src=x>"}}, .zones = {}, .caches = {}};
  picture.zones.push_back({0, "<b>", 512, 100, {{0, 512, 100, 4, BlockKind::Movable}}, {{0.5, {100}}}});
  picture.caches.push_back({"'><svg onload=x>", 8, 8, 1, 512, 4096});
  const std::string page = memory_page(picture);
  for (const char *bad : {"<script", "<img", "<b>", "<svg onload", "http:", "https:", "url(", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(bad)));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
  EXPECT_THAT(page, HasSubstr("movable, 100 of 512 frames free, the largest block of order 4"));
  EXPECT_THAT(page, HasSubstr("unusable-free index"));
  EXPECT_EQ(count(page, "<section>"), count(page, "</section>"));
  EXPECT_EQ(count(page, "<figure>"), count(page, "</figure>"));
}

TEST(MemoryPage, LeavesOutWhatThereIsNothingOf) {
  const std::string page = memory_page({.name = "empty", .facts = {}, .zones = {}, .caches = {}});
  EXPECT_THAT(page, Not(HasSubstr("<section>")));
}

} // namespace
} // namespace pagoda::report
