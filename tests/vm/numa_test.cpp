// Debian's own programs about memory nodes, caches and memory, inside a guest: their figures are the
// guest's, and true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <sstream>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

Finished in_guest(const Words &options, const Words &command) {
  Words words{"run"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), command.begin(), command.end());
  return run_pagoda(words);
}
Words shell(const std::string &script) { return {"/bin/sh", "-c", script}; }

const Words kTwoNodes{"--memory", "256M", "--cpus", "2", "--nodes", "2"};

// The first number behind `label` in the text; -1 without one.
long long number_after(const std::string &text, const std::string &label) {
  const auto at = text.find(label);
  if (at == std::string::npos) return -1;
  const auto digit = text.find_first_of("0123456789", at + label.size());
  return digit == std::string::npos ? -1 : std::stoll(text.substr(digit));
}

// Pages by node of all areas of a numa_maps that a line's text matches.
std::map<int, long long> pages_by_node(const std::string &maps, const std::string &which) {
  std::map<int, long long> pages;
  std::istringstream lines(maps);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(which) == std::string::npos) continue;
    static const std::regex node(" N([0-9]+)=([0-9]+)");
    for (std::sregex_iterator it(line.begin(), line.end(), node), end; it != end; ++it)
      pages[std::stoi((*it)[1])] += std::stoll((*it)[2]);
  }
  return pages;
}

TEST(Numa, HardwareIsAsTheCommandLineSays) {
  const auto two = in_guest(kTwoNodes, {"numactl", "--hardware"});
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_THAT(two.out, HasSubstr("available: 2 nodes (0-1)\nnode 0 cpus: 0\n"));
  EXPECT_THAT(two.out, HasSubstr("node 1 cpus: 1\n"));
  EXPECT_THAT(two.out, HasSubstr("node distances:\nnode   0   1 \n  0:  10  20 \n  1:  20  10 \n"));
  for (const char *node : {"node 0 size:", "node 1 size:"}) {
    EXPECT_LE(number_after(two.out, node), 128);
    EXPECT_GE(number_after(two.out, node), 120);
  }
  const auto far = in_guest({"--cpus", "3", "--nodes", "64M@0;distance=10,31+192M@1-2"}, {"numactl", "--hardware"});
  EXPECT_THAT(far.out, HasSubstr("node 1 cpus: 1 2\n"));
  EXPECT_THAT(far.out, HasSubstr("  0:  10  31 \n  1:  31  10 \n"));
  EXPECT_GT(number_after(far.out, "node 1 size:"), 2 * number_after(far.out, "node 0 size:"));
  const auto one = in_guest({}, {"numactl", "--hardware"});
  EXPECT_THAT(one.out, HasSubstr("available: 1 nodes (0)\n"));
}

TEST(Numa, ShowTellsThePolicy) {
  const auto plain = in_guest(kTwoNodes, {"numactl", "--show"});
  EXPECT_THAT(plain.out, HasSubstr("policy: default\n"));
  EXPECT_THAT(plain.out, HasSubstr("membind: 0 1 \n"));
  const auto bound = in_guest(kTwoNodes, {"numactl", "--membind=1", "numactl", "--show"});
  EXPECT_THAT(bound.out, HasSubstr("policy: bind\n"));
  EXPECT_THAT(bound.out, HasSubstr("membind: 1 \n"));
  const auto interleaved = in_guest(kTwoNodes, {"numactl", "--interleave=all", "numactl", "--show"});
  EXPECT_THAT(interleaved.out, HasSubstr("policy: interleave\n"));
  const auto pinned = in_guest(kTwoNodes, {"numactl", "--cpunodebind=1", "numactl", "--show"});
  EXPECT_THAT(pinned.out, HasSubstr("physcpubind: 1 \n"));
}

TEST(Numa, PagesLieWhereTheyWereBound) {
  const std::string fill = "b = bytearray(b'x') * (16 << 20); print(open('/proc/self/numa_maps').read())";
  const auto maps = [&](const std::string &policy) {
    const auto guest = in_guest(kTwoNodes, {"numactl", policy, "/usr/bin/python3", "-c", fill});
    EXPECT_EQ(guest.code, 0) << guest.err;
    return guest.out;
  };
  const auto bound = pages_by_node(maps("--membind=1"), "bind:1");
  EXPECT_EQ(bound.size(), 1u);
  EXPECT_GE(bound.at(1), 4096);
  const auto spread = pages_by_node(maps("--interleave=all"), "interleave:0-1");
  ASSERT_EQ(spread.size(), 2u);
  EXPECT_NEAR(double(spread.at(0)), double(spread.at(1)), double(spread.at(0)) / 20);
  EXPECT_GE(spread.at(0) + spread.at(1), 4096);
  const auto preferred = pages_by_node(maps("--preferred=1"), "prefer:1");
  EXPECT_GE(preferred.at(1), 4096);
}

TEST(Numa, BindingBeyondANodesMemoryEndsAndPreferringGoesOn) {
  const std::string fill = "b = bytearray(b'x') * (160 << 20); print(len(b))";
  EXPECT_EQ(in_guest(kTwoNodes, {"numactl", "--preferred=1", "/usr/bin/python3", "-c", fill}).out, "167772160\n");
  EXPECT_NE(in_guest(kTwoNodes, {"numactl", "--membind=1", "/usr/bin/python3", "-c", fill}).code, 0);
}

TEST(Numa, MigratepagesMovesARunningProgram) {
  const auto guest = in_guest(kTwoNodes, shell("numactl --membind=0 sleep 100 & p=$!; sleep 0.2; migratepages $p 0 1; "
                                               "cat /proc/$p/numa_maps; kill $p"));
  EXPECT_EQ(guest.code, 0) << guest.err;
  const auto pages = pages_by_node(guest.out, "anon=");
  EXPECT_EQ(pages.count(0), 0u) << guest.out;
  EXPECT_GT(pages.at(1), 5);
}

TEST(Numa, NumastatCountsWhatHappened) {
  const auto guest = in_guest(kTwoNodes, shell("numactl --interleave=all cat /etc/passwd >/dev/null; numastat; "
                                               "numactl --cpunodebind=0 --membind=1 cat /etc/passwd >/dev/null; "
                                               "cat /sys/devices/system/node/node1/numastat"));
  EXPECT_EQ(guest.code, 0) << guest.err;
  EXPECT_GT(number_after(guest.out, "numa_hit"), 50);
  EXPECT_EQ(number_after(guest.out, "numa_miss"), 0);
  EXPECT_GT(number_after(guest.out, "interleave_hit"), 10);
  EXPECT_GT(number_after(guest.out.substr(guest.out.rfind("other_node")), "other_node"), 20);
  const auto memory = in_guest(kTwoNodes, {"numastat", "-m"});
  EXPECT_EQ(memory.code, 0) << memory.err;
  EXPECT_THAT(memory.out, HasSubstr("Node 0          Node 1           Total"));
  EXPECT_THAT(memory.out, HasSubstr("MemTotal"));
  EXPECT_THAT(memory.out, HasSubstr("SUnreclaim"));
}

TEST(Numa, EveryFileOfTheNodesAgrees) {
  const auto guest = in_guest(
      {"--memory", "256M", "--cpus", "4", "--nodes", "2"},
      shell("cd /sys/devices/system; cat node/online node/possible node/has_memory node/has_cpu node/has_normal_memory "
            "node/node1/cpulist node/node1/cpumap node/node1/distance; ls -d cpu/cpu3/node* node/node0/cpu[0-9]*; "
            "cat cpu/cpu3/node1/cpulist; grep Mems_allowed /proc/self/status"));
  EXPECT_EQ(guest.out, "0-1\n0-1\n0-1\n0-1\n0-1\n2-3\nc\n20 10\ncpu/cpu3/node1\nnode/node0/cpu0\nnode/node0/cpu1\n2-3\n"
                       "Mems_allowed:\t00000000,00000003\nMems_allowed_list:\t0-1\n")
      << guest.err;
}

TEST(Numa, GetcpuTellsTheNodeThroughTheVdsoToo) {
  const std::string ask =
      "import ctypes, os\n"
      "c, n = ctypes.c_uint(), ctypes.c_uint()\n"
      "for cpu in range(2):\n"
      "  os.sched_setaffinity(0, {cpu}); os.sched_yield()\n"
      "  for call in (ctypes.CDLL(None).getcpu, lambda *a: ctypes.CDLL(None).syscall(309, *a, None)):\n"
      "    call(ctypes.byref(c), ctypes.byref(n)); print(c.value, n.value)\n";
  EXPECT_EQ(in_guest(kTwoNodes, {"/usr/bin/python3", "-c", ask}).out, "0 0\n0 0\n1 1\n1 1\n");
}

TEST(MemoryPrograms, FreeAndVmstatPrintTheGuestsFigures) {
  const auto free = in_guest({"--memory", "256M"}, {"free", "-k"});
  EXPECT_EQ(free.code, 0) << free.err;
  EXPECT_LE(number_after(free.out, "Mem:"), 256 << 10);
  EXPECT_GT(number_after(free.out, "Mem:"), 240 << 10);
  const auto vmstat = in_guest({"--memory", "256M"}, {"vmstat"});
  EXPECT_EQ(vmstat.code, 0) << vmstat.err;
  EXPECT_THAT(vmstat.out, HasSubstr("procs -----------memory----------"));
  const auto statistics = in_guest({"--memory", "256M"}, {"vmstat", "-s"});
  EXPECT_THAT(statistics.out, HasSubstr("K total memory"));
  const auto slabs = in_guest({"--memory", "256M"}, {"slabtop", "-o"});
  EXPECT_EQ(slabs.code, 0) << slabs.err;
  EXPECT_THAT(slabs.out, HasSubstr("Active / Total Objects (% used)"));
}

TEST(MemoryPrograms, ZonesAddUpToTheMemory) {
  const auto guest =
      in_guest({"--memory", "256M", "--nodes", "2", "--movable", "64M"},
               shell("cat /proc/zoneinfo; grep -E '^(MemTotal|MemFree)' /proc/meminfo; cat /proc/buddyinfo"));
  long long managed = 0;
  std::istringstream lines(guest.out);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("        managed  ")) managed += std::stoll(line.substr(17));
  EXPECT_EQ(managed * 4, number_after(guest.out, "MemTotal:")) << guest.out;
  EXPECT_THAT(guest.out, HasSubstr("Node 0, zone      DMA "));
  EXPECT_THAT(guest.out, HasSubstr("Node 0, zone  Movable "));
  EXPECT_THAT(guest.out, HasSubstr("Node 1, zone  Movable "));
}

} // namespace
} // namespace pagoda::test
