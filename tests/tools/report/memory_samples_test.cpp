#include "tools/pagoda/report/memory_samples.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagoda::tools {
namespace {

using testing::HasSubstr;

std::string sample(std::uint64_t time, const std::string &more = {}) {
  return R"({"time_ns":)" + std::to_string(time) +
         R"(,"name":"web","host_kind":"pvm","memory_bytes":1048576,)"
         R"("zones":[{"node":0,"zone":"DMA32","managed":1024,"free":600,"free_blocks":[8,4,0,1]}])" +
         more + "}\n";
}
std::expected<report::MemoryPicture, std::string> read(const std::string &text) {
  std::istringstream in(text);
  return read_memory_samples(in);
}

TEST(MemorySamples, AreGatheredByZone) {
  const auto picture = read(sample(1'000'000'000) + "\n" + sample(3'000'000'000));
  ASSERT_TRUE(picture) << picture.error();
  EXPECT_EQ(picture->name, "web");
  ASSERT_EQ(picture->zones.size(), 1u);
  const report::ZonePicture &zone = picture->zones[0];
  EXPECT_EQ(zone.name, "DMA32");
  ASSERT_EQ(zone.samples.size(), 2u);
  EXPECT_DOUBLE_EQ(zone.samples[1].seconds, 3);
  EXPECT_THAT(zone.samples[0].free_blocks, testing::ElementsAre(8, 4, 0, 1));
  EXPECT_THAT(picture->facts, testing::Contains(std::pair<std::string, std::string>("samples", "2 in 2.00 s")));
}

TEST(MemorySamples, KeepTheLastPageblocksAndCaches) {
  const std::string cache =
      R"(,"caches":[{"name":"task","object_size":64,"stride":64,"active":1,"total":64,"bytes":4096}])";
  std::string blocks = sample(2);
  blocks.insert(blocks.find("}]"),
                R"(,"pageblocks":[[0,512,10,3,"Unmovable"],[512,512,512,10,"Movable"],[1024,5,0,0,"New"]])");
  const auto picture = read(sample(1, cache) + blocks + sample(3));
  ASSERT_TRUE(picture) << picture.error();
  ASSERT_EQ(picture->caches.size(), 1u);
  EXPECT_EQ(picture->caches[0].bytes, 4096u);
  ASSERT_EQ(picture->zones[0].pageblocks.size(), 3u);
  EXPECT_EQ(picture->zones[0].pageblocks[0].kind, report::BlockKind::Unmovable);
  EXPECT_EQ(picture->zones[0].pageblocks[1].largest, 10);
  EXPECT_EQ(picture->zones[0].pageblocks[2].kind, report::BlockKind::Other);
}

TEST(MemorySamples, RefuseWhatIsOutOfRangeAndNameIt) {
  const auto refused = [](const std::string &text, const std::string &why) {
    const auto picture = read(text);
    ASSERT_FALSE(picture) << text;
    EXPECT_THAT(picture.error(), HasSubstr(why)) << text;
  };
  const auto replaced = [](std::string_view from, const std::string &to) {
    std::string text = sample(1);
    return text.replace(text.find(from), from.size(), to);
  };
  refused("", "no sample");
  refused("rubbish\n", "line 1: it is no JSON");
  refused("[]\n", "no object");
  refused("{}\n", "time_ns");
  refused(sample(5) + sample(4), "line 2: \"time_ns\" is before");
  refused(replaced("1048576,", "1,\"x\":" + std::string(50, '[') + std::string(50, ']') + ","), "nested");
  refused(replaced("[8,4,0,1]", "[18446744073709551615]"), "free_blocks");
  refused(replaced("[8,4,0,1]", "[-1]"), "free_blocks");
  refused(replaced("[8,4,0,1]", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"), "free_blocks");
  refused(replaced("\"managed\":1024", "\"managed\":1.5"), "managed");
  refused(replaced("\"node\":0", "\"node\":5000"), "node");
  refused(replaced("\"zone\":\"DMA32\"", "\"zone\":7"), "zone");
  refused(sample(1, R"(,"caches":[{"name":"x"}])"), "object_size");
  refused(replaced("[8,4,0,1]", "[1],\"pageblocks\":[[0,513,0,0,\"Movable\"]]"), "pageblocks");
  refused(replaced("[8,4,0,1]", "[1],\"pageblocks\":[[0]]"), "pageblocks");
}

TEST(MemorySamples, BracketsInNamesAreNoNesting) {
  std::string text = sample(1);
  text.replace(text.find("web"), 3, R"([[[[[[[[[[\"[[{{)");
  const auto picture = read(text);
  ASSERT_TRUE(picture) << picture.error();
  EXPECT_EQ(picture->name, "[[[[[[[[[[\"[[{{");
}

TEST(MemorySamples, TooManyZonesAreRefused) {
  MemorySamples samples;
  for (unsigned i = 0; i < MemorySamples::kMostZones; ++i) {
    const auto added =
        samples.add({{"time_ns", i},
                     {"zones", {{{"node", i}, {"zone", "N"}, {"managed", 1u}, {"free", 1u}, {"free_blocks", {1u}}}}}});
    ASSERT_TRUE(added) << added.error();
  }
  EXPECT_FALSE(samples.add(
      {{"time_ns", 1000u},
       {"zones", {{{"node", 600u}, {"zone", "N"}, {"managed", 1u}, {"free", 1u}, {"free_blocks", {1u}}}}}}));
}

} // namespace
} // namespace pagoda::tools
