// `pagoda measure alloc` and `pagoda report memory` as they are typed.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tools/pagoda/command_line.hpp"
#include "tools/pagoda/options/measure_options.hpp"

namespace pagoda::tools {
namespace {

using testing::HasSubstr;

struct Said {
  int code;
  std::string out, err;
};

Said say(std::vector<std::string> words) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = CommandTree().run(std::move(words));
  std::fflush(nullptr);
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

std::string temporary(const std::string &name) {
  return testing::TempDir() + "pagoda-" + std::to_string(::getpid()) + "-" + name;
}

TEST(TwoWords, ErrorsNameWhatIsWrong) {
  EXPECT_THAT(say({"measure"}).err, HasSubstr("say what: alloc"));
  EXPECT_THAT(say({"measure", "aloc"}).err, HasSubstr("did you mean `pagoda measure alloc`?"));
  EXPECT_THAT(say({"measure", "alloc", "--genrate", "1"}).err, HasSubstr("did you mean --generate?"));
  EXPECT_THAT(say({"measure", "alloc", "a", "b"}).err, HasSubstr("see `pagoda measure alloc --help`"));
  EXPECT_THAT(say({"report", "memory", "--count", "0"}).err, HasSubstr("--count: \"0\" is not a whole number from 1"));
  EXPECT_EQ(say({"report"}).code, 125);
  EXPECT_THAT(say({"measure", "alloc", "--help"}).out, HasSubstr("Usage: pagoda measure alloc"));
  EXPECT_THAT(say({"report", "memory", "--help"}).out, HasSubstr("Examples:"));
}

TEST(MeasureAlloc, OptionsAreChecked) {
  const auto refused = [](auto change, const char *why) {
    MeasureAllocArguments arguments;
    arguments.generate = "1";
    change(arguments);
    const auto options = check(arguments);
    ASSERT_FALSE(options) << why;
    EXPECT_THAT(options.error(), HasSubstr(why));
  };
  using A = MeasureAllocArguments;
  refused([](A &a) { a.generate = ""; }, "there is no trace");
  refused([](A &a) { a.trace = "x"; }, "leave one of them out");
  refused([](A &a) { a.generate = "-1"; }, "--generate");
  refused([](A &a) { a.operations = "0"; }, "--operations");
  refused([](A &a) { a.operations = "50000001"; }, "--operations");
  refused([](A &a) { a.fit = "next"; }, "give first, best, worst or all");
  refused([](A &a) { a.slab = "slab,slub"; }, "give slub, slab, slob or all");
  refused([](A &a) { a.managers = "buddy,"; }, "--managers: \"\" is unknown");
  refused([](A &a) { a.memory = "1M"; }, "--memory: give 16M to 64G");
}

TEST(MeasureAlloc, TheArenaIsTwiceWhatIsLive) {
  MeasureAllocArguments arguments;
  arguments.generate = "1";
  auto options = check(arguments);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->managers.size(), 8u);
  EXPECT_EQ(arena_bytes(*options, 1), kLeastArena);
  EXPECT_EQ(arena_bytes(*options, 33u << 20), 68u << 20);
  EXPECT_EQ(arena_bytes(*options, ~0ull), kMostDefaultArena);
  options->arena = (17ull << 20) + 1;
  EXPECT_EQ(arena_bytes(*options, 1), 20u << 20);
}

TEST(MeasureAlloc, EveryManagerReplaysATrace) {
  const Said said = say({"measure", "alloc", "--generate", "3", "--operations", "3000", "--json"});
  ASSERT_EQ(said.code, 0) << said.err;
  const auto report = nlohmann::json::parse(said.out);
  ASSERT_EQ(report["rows"].size(), 8u);
  for (const auto &row : report["rows"]) {
    EXPECT_EQ(row["failures"], 0) << row;
    EXPECT_GE(row["internal_fragmentation"], 0.0) << row;
    EXPECT_LT(row["internal_fragmentation"], 0.6) << row;
    EXPECT_GE(row["external_fragmentation"], 0.0) << row;
    EXPECT_LE(row["external_fragmentation"], 1.0) << row;
    EXPECT_GE(row["peak_held_bytes"], row["peak_requested_bytes"].get<double>() * 0.95) << row;
  }
  EXPECT_LT(report["rows"][0]["internal_fragmentation"], 0.01) << "memblock gives what is asked for";
  EXPECT_GT(report["rows"][3]["internal_fragmentation"], 0.1) << "a buddy rounds up";
}

TEST(MeasureAlloc, WhatItWritesItReads) {
  const std::string path = temporary("trace");
  ASSERT_EQ(say({"measure", "alloc", "--generate", "1", "--operations", "500", "--write", path}).code, 0);
  EXPECT_THAT(say({"measure", "alloc", path, "--managers", "memblock", "--fit", "best"}).out, HasSubstr("best fit"));
  std::ofstream(path, std::ios::app) << "f 99999\n";
  const Said broken = say({"measure", "alloc", path});
  EXPECT_EQ(broken.code, 125);
  EXPECT_THAT(broken.err, HasSubstr("line 502: number 99999 is not allocated"));
  std::filesystem::remove(path);
  EXPECT_THAT(say({"measure", "alloc", path}).err, HasSubstr("cannot be opened"));
  EXPECT_THAT(say({"measure", "alloc", "--generate", "1", "--write", "/no/such/file"}).err, HasSubstr("--write"));
}

TEST(ReportMemory, AFileThatIsNoneIsRefused) {
  const std::string path = temporary("samples");
  std::ofstream(path) << "{\"time_ns\":1}\n";
  EXPECT_THAT(say({"report", "memory", path}).err, HasSubstr("line 1: \"zones\" is missing"));
  std::filesystem::remove(path);
}

} // namespace
} // namespace pagoda::tools
