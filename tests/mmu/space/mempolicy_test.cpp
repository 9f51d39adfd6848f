#include "mmu/space/mempolicy.hpp"

#include <gtest/gtest.h>

#include "mmu/space/policy_ranges.hpp"

namespace pagoda::space {
namespace {

using phys::NodeMask;
constexpr NodeMask kAllowed{0b1011}; // nodes 0, 1 and 3

Result<Mempolicy> made(PolicyMode mode, std::uint64_t nodes, PolicyFlags flags = PolicyFlags::None) {
  return Mempolicy::make(mode, flags, NodeMask(nodes), kAllowed);
}
std::uint64_t nodes_of(PolicyMode mode, std::uint64_t nodes, PolicyFlags flags = PolicyFlags::None) {
  const auto policy = made(mode, nodes, flags);
  EXPECT_TRUE(policy);
  return policy ? policy->nodes().bits() : 0;
}

TEST(Mempolicy, OnlyAllowedNodesCount) {
  EXPECT_EQ(nodes_of(PolicyMode::Bind, 0b0110), 0b0010u);
  EXPECT_EQ(nodes_of(PolicyMode::Interleave, ~0ull), kAllowed.bits());
  EXPECT_EQ(nodes_of(PolicyMode::PreferredMany, 0b1100), 0b1000u);
  EXPECT_EQ(nodes_of(PolicyMode::Preferred, 0b1110), 0b0010u) << "the lowest alone";
  EXPECT_FALSE(made(PolicyMode::Bind, 0b0100)) << "node 2 has no memory";
  EXPECT_EQ(nodes_of(PolicyMode::Local, 0), 0u);
}

TEST(Mempolicy, WhatLinuxRefuses) {
  using enum PolicyMode;
  const auto both = PolicyFlags::StaticNodes | PolicyFlags::RelativeNodes;
  EXPECT_FALSE(made(Default, 1));
  EXPECT_FALSE(made(Local, 1));
  EXPECT_FALSE(made(Local, 0, PolicyFlags::StaticNodes));
  EXPECT_FALSE(made(Preferred, 0, PolicyFlags::RelativeNodes));
  for (const PolicyMode mode : {Bind, Interleave, PreferredMany}) EXPECT_FALSE(made(mode, 0));
  EXPECT_FALSE(made(Bind, 1, both));
  EXPECT_FALSE(made(Interleave, 1, PolicyFlags::NumaBalancing));
  EXPECT_TRUE(made(Bind, 1, PolicyFlags::NumaBalancing));
  EXPECT_EQ(made(Preferred, 0)->mode(), Local) << "no node in particular is the local one";
  EXPECT_TRUE(made(Default, 0)->is_default());
}

TEST(Mempolicy, MasksAreToldAsGivenWhereAFlagSaysSo) {
  const auto fixed = made(PolicyMode::Bind, 0b0111, PolicyFlags::StaticNodes);
  EXPECT_EQ(fixed->nodes(), NodeMask(0b0011));
  EXPECT_EQ(fixed->told_nodes(), NodeMask(0b0111));
  EXPECT_EQ(made(PolicyMode::Bind, 0b0111)->told_nodes(), NodeMask(0b0011));
  // Relative: bits 0, 2 and 4 of three allowed nodes are the first, the third and the second.
  const auto relative = made(PolicyMode::Interleave, 0b10101, PolicyFlags::RelativeNodes);
  EXPECT_EQ(relative->nodes(), kAllowed);
  EXPECT_EQ(nodes_of(PolicyMode::Bind, 0b100, PolicyFlags::RelativeNodes), 0b1000u);
  EXPECT_EQ(relative->told_nodes(), NodeMask(0b10101));
}

TEST(Mempolicy, InterleavingGoesRoundByPlace) {
  const auto policy = made(PolicyMode::Interleave, ~0ull);
  const phys::NodeId expected[] = {0, 1, 3, 0, 1, 3, 0};
  for (std::uint64_t page = 0; page < std::size(expected); ++page) EXPECT_EQ(policy->interleaved(page), expected[page]);
  EXPECT_EQ(policy->interleaved(~0ull), expected[~0ull % 3]);
  EXPECT_EQ(policy->first_node(), 0);
}

TEST(Mempolicy, HomesAreForBindAndPreferredMany) {
  EXPECT_EQ(made(PolicyMode::Interleave, 1)->with_home(1).error(), Error::Unsupported);
  EXPECT_EQ(Mempolicy().with_home(1).error(), Error::Unsupported);
  const auto bound = made(PolicyMode::Bind, 3);
  EXPECT_EQ(bound->home(), std::nullopt);
  EXPECT_EQ(bound->with_home(1)->home(), 1);
  EXPECT_NE(*bound, *bound->with_home(1));
}

TEST(PolicyRanges, SplitJoinAndForget) {
  const Mempolicy one = Mempolicy::only(0), two = Mempolicy::only(1);
  PolicyRanges ranges;
  EXPECT_TRUE(ranges.set(0x1000, 0x9000, one));
  EXPECT_TRUE(ranges.set(0x3000, 0x5000, two));
  EXPECT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges.at(0x2fff), one);
  EXPECT_EQ(ranges.at(0x3000), two);
  EXPECT_EQ(ranges.at(0x5000), one);
  EXPECT_TRUE(ranges.at(0x9000).is_default());
  EXPECT_TRUE(ranges.at(0).is_default());
  EXPECT_TRUE(ranges.set(0x3000, 0x5000, one)) << "one range again";
  EXPECT_EQ(ranges.size(), 1u);
  EXPECT_TRUE(ranges.set(0x2000, 0x3000, Mempolicy()));
  EXPECT_TRUE(ranges.at(0x2000).is_default());
  EXPECT_EQ(ranges.at(0x3000), one);
  EXPECT_EQ(ranges.set(5, 5, one).error(), Error::Invalid);
  EXPECT_TRUE(ranges.set(0, ~0ull, Mempolicy()));
  EXPECT_TRUE(ranges.empty());
}

TEST(PolicyRanges, TheirNumberIsBounded) {
  PolicyRanges ranges;
  std::uint64_t page = 0;
  while (ranges.set(page << 13, (page << 13) + 0x1000, Mempolicy::only(1))) ++page;
  EXPECT_LE(ranges.size(), PolicyRanges::kMaxRanges);
  EXPECT_GT(page, 1000u);
  EXPECT_EQ(ranges.set(page << 13, (page << 13) + 0x1000, Mempolicy::only(1)).error(), Error::OutOfMemory);
}

} // namespace
} // namespace pagoda::space
