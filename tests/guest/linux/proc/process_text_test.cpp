#include "guest/linux/proc/process_text.hpp"

#include "guest/linux/proc/bitmap_text.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "tests/mmu/space/world.hpp"

namespace pagoda::kernel {
namespace {

std::string host_file(const char *path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

ProcessFigures example(test::World &world) {
  ProcessFigures f;
  f.pid = 42;
  f.parent = 1;
  f.group = f.session = 40;
  f.thread.tid = 42;
  f.thread.name = "a (b) c";
  f.thread.state = 'R';
  f.thread.nice = -5;
  f.thread.start_ns = 1'230'000'000;
  f.sum.user_ns = 2'000'000'000;
  f.sum.system_ns = 70'000'000;
  f.sum.minor_faults = 9;
  f.threads = 3;
  f.cpus = 4;
  f.space = world.space;
  f.image.code_begin = Gva(0x400000);
  f.umask = 022;
  return f;
}

// The fields of a stat line from the third on: a name may hold spaces and brackets.
std::vector<std::string> fields_of(const std::string &line) {
  std::istringstream in(line.substr(line.rfind(')') + 2));
  std::vector<std::string> fields;
  for (std::string word; in >> word;) fields.push_back(word);
  return fields;
}

TEST(ProcessText, StatHasLinuxsFieldsInLinuxsPlaces) {
  test::World world;
  const std::string line = stat_text(example(world));
  EXPECT_TRUE(line.starts_with("42 (a (b) c) R 1 40 40 0 -1 ")) << line;
  const auto fields = fields_of(line);
  const auto at = [&](std::size_t number) { return fields.at(number - 3); }; // as the man page counts
  EXPECT_EQ(fields.size(), fields_of(host_file("/proc/self/stat")).size());
  EXPECT_EQ(at(10), "9");
  EXPECT_EQ(at(14), "200");
  EXPECT_EQ(at(15), "7");
  EXPECT_EQ(at(18), "15");
  EXPECT_EQ(at(19), "-5");
  EXPECT_EQ(at(20), "3");
  EXPECT_EQ(at(22), "123");
  EXPECT_EQ(at(26), std::to_string(0x400000));
  EXPECT_EQ(at(38), "17");
}

TEST(ProcessText, LimitsAreTheHostsOwnToTheByte) {
  ProcessFigures f;
  for (int i = 0; i < RLIM_NLIMITS; ++i) ASSERT_EQ(getrlimit(i, &f.limits[std::size_t(i)]), 0);
  EXPECT_EQ(limits_text(f), host_file("/proc/self/limits"));
}

TEST(ProcessText, StatusHasItsLabelsInTheHostsOrder) {
  test::World world;
  std::istringstream ours(status_text(example(world)));
  std::istringstream host(host_file("/proc/self/status"));
  std::string host_line;
  unsigned lines = 0;
  for (std::string line; std::getline(ours, line); ++lines) {
    const std::string label = line.substr(0, line.find(':') + 1);
    do {
      ASSERT_TRUE(std::getline(host, host_line)) << label << " is not there, or out of order";
    } while (!host_line.starts_with(label));
  }
  EXPECT_GT(lines, 45u);
}

TEST(ProcessText, StatusAndStatmTellTheSpacesUsage) {
  test::World world;
  ASSERT_TRUE(world.space->map(test::anonymous_at(Gva(0x10000000), 16)));
  test::poke(*world.space, Gva(0x10000000), 1);
  const auto usage = world.space->usage();
  ProcessFigures f = example(world);
  const std::string text = status_text(f);
  EXPECT_NE(text.find("VmSize:\t      64 kB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Name:\ta (b) c\nUmask:\t0022\nState:\tR (running)\n"), std::string::npos);
  std::istringstream statm(statm_text(f));
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  EXPECT_EQ(size, 16u);
  EXPECT_EQ(resident, usage.resident_pages);
  f.space = nullptr; // a zombie has no memory, and says so
  EXPECT_EQ(statm_text(f), "0 0 0 0 0 0 0\n");
  EXPECT_EQ(status_text(f).find("VmSize"), std::string::npos);
}

TEST(ProcessText, BadnessGrowsWithMemoryAndAdjustment) {
  test::World world;
  ProcessFigures f = example(world);
  constexpr std::uint64_t kTotal = 16384;
  const auto plain = oom_score(f, kTotal);
  EXPECT_NEAR(double(plain), 666, 2);
  f.oom_score_adj = 500;
  EXPECT_NEAR(double(oom_score(f, kTotal)), 1000, 2);
  f.oom_score_adj = -1000;
  EXPECT_EQ(oom_score(f, kTotal), 0u);
}

TEST(ProcessText, CpuListsAreRanges) {
  EXPECT_EQ(list_text(0), "");
  EXPECT_EQ(list_text(1), "0");
  EXPECT_EQ(list_text(0b101111), "0-3,5");
  EXPECT_EQ(list_text(~0ull), "0-63");
}

} // namespace
} // namespace pagoda::kernel
