#include "tools/pagoda/trace/allocation_recorder.hpp"

#include <sstream>
#include <sys/mman.h>

#include <gtest/gtest.h>

#include "tools/measure/allocation_trace.hpp"
#include "tools/measure/random.hpp"

namespace pagoda::tools {
namespace {

constexpr std::uint64_t kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr std::uint64_t kBase = 0x7f0000000000;

std::string map(AllocationRecorder &recorder, std::uint64_t at, std::uint64_t bytes, std::uint64_t flags = kAnonymous) {
  return recorder.call(1, "mmap", {0, bytes, PROT_READ, flags, 0, 0}, std::int64_t(at));
}
std::string unmap(AllocationRecorder &recorder, std::uint64_t at, std::uint64_t bytes) {
  return recorder.call(1, "munmap", {at, bytes}, 0);
}

TEST(AllocationRecorder, MappingsBeginAndEnd) {
  AllocationRecorder recorder;
  EXPECT_EQ(map(recorder, kBase, 5000), "a 0 8192\n");
  EXPECT_EQ(map(recorder, kBase + 0x10000, 4096, MAP_SHARED), "") << "not anonymous";
  EXPECT_EQ(recorder.call(1, "mmap", {0, 4096, 0, kAnonymous}, -12), "") << "it failed";
  EXPECT_EQ(unmap(recorder, kBase + 0x10000, 4096), "");
  EXPECT_EQ(unmap(recorder, kBase, 8192), "f 0\n");
  EXPECT_EQ(unmap(recorder, kBase, 8192), "");
}

TEST(AllocationRecorder, WhatStaysOfAMappingGoesOn) {
  AllocationRecorder recorder;
  (void)map(recorder, kBase, 10 << 12);
  EXPECT_EQ(unmap(recorder, kBase + (3 << 12), 2 << 12), "f 0\na 1 12288\na 2 20480\n");
  EXPECT_EQ(map(recorder, kBase, 4 << 12), "f 1\na 3 16384\n") << "MAP_FIXED over the first part";
  EXPECT_EQ(recorder.call(1, "exit_group", {}, 0), "f 3\nf 2\n");
}

TEST(AllocationRecorder, TheBreakGrowsAndShrinks) {
  AllocationRecorder recorder;
  EXPECT_EQ(recorder.call(1, "brk", {}, 0x10000), "");
  EXPECT_EQ(recorder.call(1, "brk", {}, 0x14000), "a 0 16384\n");
  EXPECT_EQ(recorder.call(1, "brk", {}, 0x12000), "f 0\na 1 8192\n");
  EXPECT_EQ(recorder.call(2, "brk", {}, 0x12000), "") << "another process";
  EXPECT_EQ(recorder.forget(1), "f 1\n");
}

TEST(AllocationRecorder, MovedMappingsKeepTheirKind) {
  AllocationRecorder recorder;
  (void)map(recorder, kBase, 8 << 12);
  EXPECT_EQ(recorder.call(1, "mremap", {kBase, 8 << 12, 16 << 12}, kBase + 0x100000), "f 0\na 1 65536\n");
  EXPECT_EQ(recorder.call(1, "mremap", {kBase, 8 << 12, 16 << 12}, kBase), "") << "of a file";
}

TEST(AllocationRecorder, WhateverAGuestDoesTheTraceIsOne) {
  AllocationRecorder recorder;
  measure::Random random(5);
  std::stringstream trace;
  trace << AllocationRecorder::first_line();
  const char *calls[] = {"mmap", "mmap", "munmap", "mremap", "brk", "exit_group"};
  for (int i = 0; i < 20'000; ++i) {
    const auto number = [&]() -> std::uint64_t {
      const std::uint64_t edge[] = {0, ~0ull, ~0ull << 12, 1ull << 63, 4096};
      return random.permille(20) ? edge[random.below(5)] : kBase + random.below(64) * 4096;
    };
    const auto length = [&] { return random.permille(20) ? ~0ull - random.below(8192) : random.below(20) * 4096ull; };
    trace << recorder.call(random.below(3), calls[random.permille(2) ? 5 : random.below(5)],
                           {number(), length(), length(), kAnonymous}, std::int64_t(number()));
  }
  const auto read = measure::read_trace(trace);
  EXPECT_TRUE(read) << read.error();
}

} // namespace
} // namespace pagoda::tools
