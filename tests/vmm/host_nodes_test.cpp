#include "vmm/host_nodes.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagoda::vmm {
namespace {

phys::Topology nodes_of(unsigned count) {
  phys::Topology topology;
  for (unsigned node = 0; node < count; ++node) topology.nodes.push_back({32ull << 20, {node}, {}});
  return topology;
}

class HostNodes : public ::testing::Test {
protected:
  HostNodes() {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    directory = std::filesystem::path(testing::TempDir()) / ("pagoda-nodes-" + name + "-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
  }
  ~HostNodes() override { std::filesystem::remove_all(directory); }
  std::vector<unsigned> read(const std::string &list) {
    std::ofstream(directory / "has_memory") << list;
    return host_memory_nodes(directory.string());
  }
  std::filesystem::path directory;
};

TEST_F(HostNodes, AreReadFromTheList) {
  EXPECT_EQ(host_memory_nodes(directory.string()), (std::vector<unsigned>{0})) << "no list: one node";
  EXPECT_EQ(read("0\n"), (std::vector<unsigned>{0}));
  EXPECT_EQ(read("0-2,5\n"), (std::vector<unsigned>{0, 1, 2, 5}));
  EXPECT_EQ(read("rubbish"), (std::vector<unsigned>{0}));
  EXPECT_EQ(read("1-4294967295\n").size(), 1023u) << "bounded";
}

TEST_F(HostNodes, BindsEachGuestNodeGoingRound) {
  const phys::Topology topology = nodes_of(3);
  const std::uint64_t bytes = topology.end().value();
  void *memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  // Node 0 is there on every host: named twice it stands for two.
  const NodeBinding binding = bind_nodes(topology, static_cast<std::byte *>(memory), {0, 0});
  EXPECT_EQ(binding.problem, "");
  EXPECT_EQ(binding.bound, (std::vector<NodeBinding::Bound>{{0, 0}, {1, 0}, {2, 0}}));
  int mode = -1;
  std::array<unsigned long, 16> mask{};
  ASSERT_EQ(::syscall(SYS_get_mempolicy, &mode, mask.data(), 1024, static_cast<std::byte *>(memory) + bytes - 4096,
                      MPOL_F_ADDR),
            0);
  EXPECT_EQ(mode, MPOL_BIND);
  EXPECT_EQ(mask[0], 1u);
  ::munmap(memory, bytes);
}

TEST_F(HostNodes, NothingIsBoundWithoutNodesToChooseFrom) {
  const phys::Topology topology = nodes_of(2);
  EXPECT_TRUE(bind_nodes(topology, nullptr, {0}).bound.empty());
  EXPECT_TRUE(bind_nodes(nodes_of(1), nullptr, {0, 1}).bound.empty());
  EXPECT_NE(bind_nodes(topology, nullptr, {0}).text().find("one memory node"), std::string::npos);
  void *memory = ::mmap(nullptr, topology.end().value(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const NodeBinding refused = bind_nodes(topology, static_cast<std::byte *>(memory), {1000, 1001});
  EXPECT_NE(refused.problem.find("node 1000"), std::string::npos) << "no host has that one";
  ::munmap(memory, topology.end().value());
}

} // namespace
} // namespace pagoda::vmm
