#include "tools/pagoda/report/report.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/syscall.h>

namespace pagoda::tools {
namespace {

using testing::HasSubstr;

std::unique_ptr<kernel::Statistics> counters() {
  auto s = std::make_unique<kernel::Statistics>();
  s->exits[0] = 1200; // system calls
  s->exits[1] = 34;
  s->exceptions[6] = 1;
  s->exceptions[14] = 34; // shown as faults, not again
  s->faults[std::size_t(fault::Case::DemandZero)] = 30;
  s->faults[std::size_t(fault::Case::File)] = 4;
  s->fault_pages = 480;
  s->syscalls[SYS_read] = 1000;
  for (unsigned i = 100; i < 112; ++i) s->syscalls[i] = 2;
  s->unknown[SYS_io_uring_setup] = 3;
  s->unknown_beyond = 1;
  s->guest_ns = 9'000'000;
  s->host_ns = 1'000'000;
  s->peak_resident_pages = 256;
  s->peak_virtual_pages = 1024;
  s->peak_table_pages = 7;
  s->processes = 1;
  return s;
}

RunReport filled() {
  RunReport report;
  collect_statistics(*counters(), report);
  phys::Counters frames;
  frames.managed = 1000;
  frames.free = 990;
  frames.allocations = 5000;
  frames.free_blocks[0] = 2;
  frames.free_blocks[10] = 1;
  collect_memory(frames, {.batches = 5, .leaves = 60, .full = 1, .quarantined = 2}, report);
  report.program = "./prog";
  report.host_kind = "pvm";
  report.exit_code = 3;
  report.wall_ns = 12'345'678;
  report.memory_bytes = 1ull << 30;
  return report;
}

TEST(Report, TextSaysItAllOnOneScreen) {
  const std::string text = report_text(filled());
  for (const char *part : {"./prog ended with 3 on a pvm host, 1 vCPU, 1.0 GiB of memory", "12.3 ms wall", "(90.0 %)",
                           "1,234  =  1,200 system call", "34  =  30 demand-zero, 4 file", "480  of 4 KiB",
                           "1.0 MiB resident", "4.0 MiB virtual", "7 pages", "990 of 1,000 frames free", "2 x 4.0 KiB",
                           "1 x 4.0 MiB", "5 batches, 60 pages, 1 full", "1 process, 0 threads", "1,000 read",
                           "3 io_uring_setup", "1 numbers of 512 and more", "#UD undefined opcode"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_EQ(text.find("#PF"), std::string::npos);
  std::istringstream lines(text);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    ++count;
    EXPECT_LE(line.size(), 100u) << line;
  }
  EXPECT_LE(count, 24);
}

TEST(Report, OnlyTenCallsAreNamed) {
  const std::string text = report_text(filled());
  EXPECT_THAT(text, HasSubstr("6 of 3 others")); // 13 different calls, the last three twice each
}

TEST(Report, JsonKeysAreStable) {
  const auto json = nlohmann::json::parse(report_json(filled()));
  for (const char *key : {"program", "exit_code", "host_kind", "cpus", "nodes", "time_ns", "exits", "exceptions",
                          "faults", "host_faults", "memory", "flushes", "syscalls", "tasks"})
    EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_EQ(json["exits"]["system call"], 1200);
  EXPECT_EQ(json["faults"]["demand-zero"], 30);
  EXPECT_EQ(json["memory"]["peak_resident_bytes"], 1 << 20);
  EXPECT_EQ(json["memory"]["peak_table_pages"], 7);
  EXPECT_EQ(json["memory"]["pages_mapped"]["4K"], 480);
  EXPECT_EQ(json["memory"]["frames"]["free"], 990);
  EXPECT_EQ(json["memory"]["frames"]["free_blocks"].size(), phys::kMaxOrder + 1u);
  EXPECT_EQ(json["flushes"]["leaves"], 60);
  EXPECT_EQ(json["syscalls"]["by_name"]["read"], 1000);
  EXPECT_EQ(json["syscalls"]["total"], 1024);
  EXPECT_EQ(json["syscalls"]["unknown"]["io_uring_setup"], 3);
  EXPECT_EQ(json["time_ns"]["wall"], 12'345'678);
}

TEST(Report, AProgramNameNeedNotBeText) {
  RunReport report = filled();
  report.program = "\xff\xfe";
  const auto json = nlohmann::json::parse(report_json(report));
  EXPECT_EQ(json["program"], "\uFFFD\uFFFD");
}

} // namespace
} // namespace pagoda::tools
