#include "tools/pagoda/options/nodes.hpp"

#include <gtest/gtest.h>

namespace pagoda::tools {
namespace {

constexpr std::uint64_t kGiB = 1ull << 30;

std::expected<phys::Topology, std::string> parse(std::string_view text, unsigned cpus = 4,
                                                 std::optional<std::uint64_t> memory = {}) {
  return parse_nodes(text, {memory, kGiB, cpus});
}
std::string error_of(std::string_view text, unsigned cpus = 4, std::optional<std::uint64_t> memory = {}) {
  const auto topology = parse(text, cpus, memory);
  return topology ? "no error" : topology.error();
}
using Cpus = std::vector<unsigned>;
using Row = std::vector<std::uint8_t>;

TEST(Nodes, ACountDividesMemoryAndCpus) {
  const auto two = parse("2", 5);
  ASSERT_TRUE(two) << two.error();
  ASSERT_EQ(two->nodes.size(), 2u);
  EXPECT_EQ(two->nodes[0].bytes, kGiB / 2);
  EXPECT_EQ(two->nodes[0].cpus, (Cpus{0, 1, 2}));
  EXPECT_EQ(two->nodes[1].cpus, (Cpus{3, 4}));
  const auto three = parse("3", 1, 64ull << 20);
  ASSERT_TRUE(three) << three.error();
  EXPECT_EQ(three->bytes(), 64ull << 20);
  EXPECT_EQ(three->nodes[0].bytes, 20ull << 20);
  EXPECT_EQ(three->nodes[2].bytes, 24ull << 20) << "the rest";
  EXPECT_EQ(three->nodes[0].cpus, (Cpus{0}));
  EXPECT_TRUE(three->nodes[1].cpus.empty());
  EXPECT_EQ(parse("1", 4)->nodes[0].cpus, (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(parse("64", 64)->problem(), "");
}

TEST(Nodes, EachCanBeDescribed) {
  const auto nodes = parse("512M@0-1,3;distance=10,21,31+1G@2;distance=21,10,41+0");
  ASSERT_TRUE(nodes) << nodes.error();
  EXPECT_EQ(nodes->nodes[0].bytes, kGiB / 2);
  EXPECT_EQ(nodes->nodes[0].cpus, (Cpus{0, 1, 3}));
  EXPECT_EQ(nodes->nodes[1].cpus, (Cpus{2}));
  EXPECT_EQ(nodes->nodes[2].bytes, 0u);
  EXPECT_EQ(nodes->nodes[0].distances, (Row{10, 21, 31}));
  EXPECT_EQ(nodes->nodes[2].distances, (Row{31, 41, 10})) << "taken from the others' rows";
  EXPECT_EQ(nodes->problem(), "");
  const auto plain = parse("64M+64M", 2, 128ull << 20);
  ASSERT_TRUE(plain) << plain.error();
  EXPECT_EQ(plain->nodes[1].cpus, (Cpus{1})) << "no @: divided evenly";
  EXPECT_EQ(plain->distance(0, 1), 20);
}

// Whatever is wrong, the sentence shows what would be right.
TEST(Nodes, ErrorsSayWhatToGive) {
  const std::pair<const char *, const char *> all[] = {
      {"0", "1 to 64"},
      {"65", "1 to 64"},
      {"x", "512M"},
      {"", "512M"},
      {"64M@", "0-1,3"},
      {"64M@1-0", "0-1,3"},
      {"64M@9", "--cpus"},
      {"64M@0-3+64M@3", "give it to one"},
      {"64M@0-2+64M", "give it to one with @"},
      {"64M@0-3;distance=10,20", "give one to each node"},
      {"64M@0-3;distance=11", "10 to itself"},
      {"64M;distance=10,10+64M", "more to others"},
      {"64M;distance=10,300+64M", "11 to 254"},
      {"64M;weight=3+64M", "SIZE@CPUS;distance=D,D"},
      {"64M;distance=10,20;distance=10,20+64M", "SIZE@CPUS;distance=D,D"},
      {"63K+64M", "multiple of 2M"},
      {"0+0", "give a size to one"},
      {"8388608T+8388608T", "smaller sizes"},
      {"64M++64M", "512M"},
  };
  for (const auto &[text, part] : all)
    EXPECT_NE(error_of(text).find(part), std::string::npos) << text << ": " << error_of(text);
  EXPECT_NE(error_of("64M+64M", 1, 64ull << 20).find("give one of the two"), std::string::npos);
  EXPECT_NE(error_of("4", 1, 4ull << 20).find("at least 4M"), std::string::npos);
  EXPECT_NE(error_of("2", 1, (64ull << 20) + 4096).find("multiple of 2M"), std::string::npos);
  EXPECT_NE(error_of(std::string(200, '+')).find("1 to 64"), std::string::npos);
}

} // namespace
} // namespace pagoda::tools
