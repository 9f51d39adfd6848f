#include "tools/measure/allocation_trace.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagoda::measure {
namespace {

std::expected<AllocationTrace, std::string> read(const std::string &text) {
  std::istringstream in(text);
  return read_trace(in);
}
std::string error_of(const std::string &text) {
  const auto trace = read("pagoda-allocations 1\n" + text);
  return trace ? "none" : trace.error();
}

TEST(AllocationTrace, IsReadWithDenseNumbers) {
  const auto trace = read("pagoda-allocations 1\n# two of them\na 900 100\na 7 50\n\nf 900\na 900 10\nf 7");
  ASSERT_TRUE(trace) << trace.error();
  ASSERT_EQ(trace->operations.size(), 5u);
  EXPECT_EQ(trace->ids, 2u);
  EXPECT_EQ(trace->peak_bytes, 150u);
  EXPECT_EQ(trace->operations[0].id, trace->operations[2].id);
  EXPECT_EQ(trace->operations[2].bytes, 0u);
  EXPECT_EQ(trace->operations[3].bytes, 10u);
}

TEST(AllocationTrace, ErrorsNameTheLine) {
  using testing::HasSubstr;
  EXPECT_THAT(error_of("a 1 10\nf 2\n"), HasSubstr("line 3: number 2 is not allocated"));
  EXPECT_THAT(error_of("a 1 10\na 1 10\n"), HasSubstr("line 3: number 1 is allocated already"));
  EXPECT_THAT(error_of("a 1 10\nf 1\nf 1\n"), HasSubstr("line 4"));
  EXPECT_THAT(error_of(""), HasSubstr("no operation"));
  std::string much;
  for (int i = 0; i < 8193; ++i) much += "a " + std::to_string(i) + " 140737488355328\n";
  EXPECT_THAT(error_of(much), HasSubstr("line 8194: more than"));
  EXPECT_THAT(error_of(std::string(100'000, 'a') + "\n"), HasSubstr("line 2: the line is too long"));
  for (const char *bad :
       {"a 1\n", "a 1 0\n", "a 1 140737488355329\n", "a 1 99999999999999999999\n", "a -1 5\n", "a1 5\n", "b 1 5\n",
        "f\n", "f 1 2 3\n", "a 1 5 5\n", "a 1 5x\n", "a 18446744073709551615 5\n", "\x80\xff\n"})
    EXPECT_THAT(error_of(bad), HasSubstr("line 2: ")) << bad;
}

TEST(AllocationTrace, RefusesWhatIsNone) {
  EXPECT_FALSE(read(""));
  EXPECT_FALSE(read("pagoda-allocations 2\na 1 1\n"));
  EXPECT_FALSE(read(std::string(1 << 20, '\0')));
}

TEST(AllocationTrace, IsWrittenAsItWasRead) {
  const AllocationTrace made = generate_trace(4, 5000);
  std::stringstream file;
  write_trace(made, file);
  const auto again = read_trace(file);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->peak_bytes, made.peak_bytes);
  ASSERT_EQ(again->operations.size(), made.operations.size());
  for (std::size_t i = 0; i < made.operations.size(); ++i)
    ASSERT_EQ(again->operations[i].bytes, made.operations[i].bytes) << i;
}

TEST(AllocationTrace, IsGeneratedFromItsSeedAlone) {
  const auto same = [](const AllocationTrace &a, const AllocationTrace &b) {
    return std::ranges::equal(a.operations, b.operations,
                              [](const auto &x, const auto &y) { return x.id == y.id && x.bytes == y.bytes; });
  };
  EXPECT_TRUE(same(generate_trace(1, 20'000), generate_trace(1, 20'000)));
  EXPECT_FALSE(same(generate_trace(1, 20'000), generate_trace(2, 20'000)));
}

} // namespace
} // namespace pagoda::measure
