// What a run records is what the tools that read it take.
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>

#include "tests/vm/run_pagoda.hpp"
#include "tools/measure/allocation_trace.hpp"
#include "tools/pagoda/report/memory_samples.hpp"

namespace pagoda::test {
namespace {

using testing::HasSubstr;

class Record : public testing::Test {
protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const std::string &name) const { return folder_ / name; }
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("pagoda-record-" + std::to_string(::getpid()));
};

TEST_F(Record, SamplesOfTheMemoryMakeAReport) {
  const Finished run =
      run_pagoda({"run", "--memory", "64M", "--record-memory", path("m.json"), "/bin/busybox", "sleep", "0.2"});
  ASSERT_EQ(run.code, 0) << run.err;
  std::ifstream file(path("m.json"));
  const auto picture = tools::read_memory_samples(file);
  ASSERT_TRUE(picture) << picture.error();
  ASSERT_FALSE(picture->zones.empty());
  std::uint64_t managed = 0, free = 0;
  std::size_t pageblocks = 0;
  for (const report::ZonePicture &zone : picture->zones) {
    managed += zone.managed;
    free += zone.free;
    pageblocks += zone.pageblocks.size();
    EXPECT_GE(zone.samples.size(), 2u) << zone.name;
  }
  EXPECT_EQ(pageblocks, 32u);
  EXPECT_GT(managed, 15'000u);
  EXPECT_LT(free, managed);

  const Finished report = run_pagoda({"report", "memory", path("m.json"), "-o", path("m.html")});
  ASSERT_EQ(report.code, 0) << report.err;
  std::ifstream page(path("m.html"));
  const std::string html((std::istreambuf_iterator<char>(page)), {});
  EXPECT_THAT(html, HasSubstr("Memory of /bin/busybox"));
  EXPECT_THAT(html, HasSubstr("unusable-free index"));
}

TEST_F(Record, AllocationsMakeATrace) {
  const Finished run = run_pagoda(
      {"run", "--record-allocations", path("a.trace"), "/usr/bin/lua5.4", "-e", "local x = string.rep('x', 3 << 20)"});
  ASSERT_EQ(run.code, 0) << run.err;
  std::ifstream file(path("a.trace"));
  const auto trace = measure::read_trace(file);
  ASSERT_TRUE(trace) << trace.error();
  const auto large = [](const measure::AllocationOperation &o) { return o.bytes >= 3 << 20 && o.bytes < 4 << 20; };
  EXPECT_TRUE(std::ranges::any_of(trace->operations, large));

  const Finished measured = run_pagoda({"measure", "alloc", path("a.trace"), "--managers", "memblock,buddy", "--json"});
  ASSERT_EQ(measured.code, 0) << measured.err;
  EXPECT_THAT(measured.out, HasSubstr("\"policy\": \"worst fit\""));
}

TEST_F(Record, FilesThatCannotBeOpenedAreNamed) {
  const Finished run = run_pagoda({"run", "--record-memory", path("no/such"), "/bin/true"});
  EXPECT_EQ(run.code, 125);
  EXPECT_THAT(run.err, HasSubstr("--record-memory"));
}

} // namespace
} // namespace pagoda::test
