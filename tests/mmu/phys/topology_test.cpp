#include "mmu/phys/topology.hpp"

#include <gtest/gtest.h>

#include "mmu/phys/watermark.hpp"

namespace pagoda::phys {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kGiB = 1ull << 30;

std::string text(const Topology &topology) {
  std::string result;
  for (const ZoneSpan &span : zone_spans(topology)) {
    result += std::to_string(span.node) + " " + std::string(name(span.type));
    for (const GfnRange &range : span.frames)
      result +=
          " " + std::to_string(range.begin.gpa().value() / kMiB) + "-" + std::to_string(range.end.gpa().value() / kMiB);
    result += "; ";
  }
  return result;
}

Topology nodes(std::vector<std::uint64_t> sizes) {
  Topology result;
  for (std::uint64_t bytes : sizes) result.nodes.push_back({.bytes = bytes, .cpus = {}, .distances = {}});
  return result;
}

TEST(Topology, ZonesOfOneNode) {
  EXPECT_EQ(text(Topology::uma(8 * kMiB)), "0 DMA 0-8; ");
  EXPECT_EQ(text(Topology::uma(256 * kMiB)), "0 DMA 0-16; 0 DMA32 16-256; ");
  EXPECT_EQ(text(Topology::uma(5 * kGiB)), "0 DMA 0-16; 0 DMA32 16-3072; 0 Normal 4096-6144; ");
  Topology movable = Topology::uma(5 * kGiB);
  movable.movable_bytes = 3 * kGiB;
  EXPECT_EQ(text(movable), "0 DMA 0-16; 0 DMA32 16-2048; 0 Movable 2048-3072 4096-6144; ");
}

TEST(Topology, OtherLayouts) {
  Topology split = Topology::uma(2 * kGiB);
  split.layout = LayoutKind::Split32;
  EXPECT_EQ(text(split), "0 DMA 0-16; 0 Normal 16-896; 0 HighMem 896-2048; ");
  Topology arena = Topology::uma(64 * kMiB);
  arena.layout = LayoutKind::Arena;
  EXPECT_EQ(text(arena), "0 Normal 0-64; ");
}

TEST(Topology, NodesFollowEachOther) {
  Topology two = nodes({2 * kGiB, 2 * kGiB});
  EXPECT_EQ(text(two), "0 DMA 0-16; 0 DMA32 16-2048; 1 DMA32 2048-3072; 1 Normal 4096-5120; ");
  two.movable_bytes = kGiB;
  EXPECT_EQ(text(two), "0 DMA 0-16; 0 DMA32 16-1536; 0 Movable 1536-2048; 1 DMA32 2048-3072; 1 Normal 4096-4608; 1 "
                       "Movable 4608-5120; ");
  EXPECT_EQ(text(nodes({64 * kMiB, 0, 64 * kMiB})), "0 DMA 0-16; 0 DMA32 16-64; 2 DMA32 64-128; ")
      << "a node without memory has no zone";
}

TEST(Topology, SaysWhatIsWrong) {
  EXPECT_EQ(Topology::uma(1024).problem(), "");
  EXPECT_NE(Topology{}.problem(), "");
  EXPECT_NE(nodes(std::vector<std::uint64_t>(65, 2 * kMiB)).problem(), "");
  EXPECT_NE(nodes({3 * kMiB, 4 * kMiB}).problem(), "") << "no whole pageblocks";
  EXPECT_NE(nodes({~0ull, ~0ull}).problem(), "");
  Topology bad = nodes({2 * kMiB, 2 * kMiB});
  EXPECT_EQ(bad.problem(), "");
  bad.nodes[0].distances = {10};
  EXPECT_NE(bad.problem(), "");
  bad.nodes[0].distances = {10, 10};
  EXPECT_NE(bad.problem(), "");
  bad.nodes[0].distances = {11, 20};
  EXPECT_NE(bad.problem(), "");
  bad.nodes[0].distances = {10, 40};
  EXPECT_EQ(bad.problem(), "");
  EXPECT_EQ(bad.distance(0, 1), 40);
  EXPECT_EQ(bad.distance(1, 0), kRemoteDistance);
  bad.nodes[0].cpus = {0, 1};
  bad.nodes[1].cpus = {1};
  EXPECT_NE(bad.problem(), "");
  bad.nodes[1].cpus = {2};
  EXPECT_EQ(bad.node_of_cpu(2), 1);
  bad.max_order = 8;
  EXPECT_NE(bad.problem(), "");
  bad.max_order = 10;
  bad.movable_bytes = 5 * kMiB;
  EXPECT_NE(bad.problem(), "");
}

TEST(Topology, DevicesLieBehindTheRam) {
  Topology topology = Topology::uma(5 * kMiB);
  EXPECT_EQ(topology.end(), Gpa(5 * kMiB));
  topology.device_bytes = 3 * kMiB;
  EXPECT_EQ(topology.device_room(), (GpaRange{Gpa(6 * kMiB), Gpa(9 * kMiB)}));
  EXPECT_EQ(topology.end(), Gpa(9 * kMiB));
}

TEST(Watermark, FollowsTheSizeOfTheMemory) {
  EXPECT_EQ(default_min_free_kbytes(16ull << 20), 16384u); // 16 GiB: 4 * sqrt(16 Mi)
  EXPECT_EQ(default_min_free_kbytes(256 << 10), 2048u);
  EXPECT_EQ(default_min_free_kbytes(1ull << 40), 256u << 10) << "at most 256 MiB";
  EXPECT_EQ(default_min_free_kbytes(1024), 32u) << "a 32nd of what is tiny";
}

TEST(Watermark, LowZonesAreKeptFromThoseWhoNeedThemLess) {
  const Topology topology = Topology::uma(5 * kGiB);
  std::vector<ZoneSize> sizes;
  for (const ZoneSpan &span : zone_spans(topology)) {
    sizes.push_back({span.node, span.type, 0});
    for (const GfnRange &range : span.frames) sizes.back().managed += range.length();
  }
  std::vector<Watermarks> marks(sizes.size());
  compute_watermarks(topology, sizes, marks);
  ASSERT_EQ(marks.size(), 3u);
  const auto to = [&](std::size_t zone, ZoneType highest) { return marks[zone].lowmem_reserve[unsigned(highest)]; };
  EXPECT_EQ(to(0, ZoneType::Dma), 0u);
  EXPECT_EQ(to(0, ZoneType::Dma32), sizes[1].managed / 256);
  EXPECT_EQ(to(0, ZoneType::Normal), (sizes[1].managed + sizes[2].managed) / 256);
  EXPECT_EQ(to(1, ZoneType::Movable), sizes[2].managed / 256);
  EXPECT_EQ(to(2, ZoneType::Movable), 0u);
  for (const Watermarks &mark : marks) {
    EXPECT_LE(mark.min, mark.low);
    EXPECT_LE(mark.low, mark.high);
  }
  EXPECT_NEAR(double(marks[0].min + marks[1].min + marks[2].min), double(default_min_free_kbytes(5 << 20) / 4), 3);
}

} // namespace
} // namespace pagoda::phys
