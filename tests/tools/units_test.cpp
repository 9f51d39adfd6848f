#include "tools/pagoda/options/units.hpp"

#include <gtest/gtest.h>

#include "tools/pagoda/report/human.hpp"

namespace pagoda::tools {
namespace {

using std::chrono::nanoseconds;

TEST(Size, TakesPowersOf1024) {
  EXPECT_EQ(parse_size("4096"), 4096u);
  EXPECT_EQ(parse_size("4k"), 4096u);
  EXPECT_EQ(parse_size("512M"), 512ull << 20);
  EXPECT_EQ(parse_size("2GiB"), 2ull << 30);
  EXPECT_EQ(parse_size("3GB"), 3ull << 30);
  EXPECT_EQ(parse_size("1T"), 1ull << 40);
}

TEST(Size, RefusesWhatIsNone) {
  for (const char *text :
       {"", "M", "12X", "1.5G", "-1", "5 M", "1GiBs", "0x10", "99999999999999999999", "18000000000G"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_NE(size.error().find("give a"), std::string::npos) << size.error();
  }
}

TEST(Duration, TakesUnitsAndFractions) {
  EXPECT_EQ(parse_duration("10"), nanoseconds(10'000'000'000));
  EXPECT_EQ(parse_duration("10s"), nanoseconds(10'000'000'000));
  EXPECT_EQ(parse_duration("250ms"), nanoseconds(250'000'000));
  EXPECT_EQ(parse_duration("1.5s"), nanoseconds(1'500'000'000));
  EXPECT_EQ(parse_duration("2m"), nanoseconds(120'000'000'000));
  EXPECT_EQ(parse_duration("1h"), nanoseconds(3'600'000'000'000));
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char *text : {"", "s", "1x", "-5s", "0", "0.1ns", "1..5s", "1e3s", "99999999999h"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().find("give a"), std::string::npos) << duration.error();
  }
}

TEST(Human, NumbersReadWell) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1234567), "1,234,567");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_time(999), "999 ns");
  EXPECT_EQ(human_time(1500), "1.5 us");
  EXPECT_EQ(human_time(999'960), "1.0 ms");
  EXPECT_EQ(human_time(2'340'000'000), "2.34 s");
  EXPECT_EQ(human_share(1, 4), "25.0 %");
  EXPECT_EQ(human_share(1, 0), "-");
}

} // namespace
} // namespace pagoda::tools
