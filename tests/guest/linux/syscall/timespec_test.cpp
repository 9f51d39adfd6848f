#include "guest/linux/syscall/time/timespec.hpp"

#include <gtest/gtest.h>

#include "guest/linux/syscall/time/clock_id.hpp"
#include "guest/linux/syscall/time_state.hpp"

namespace pagoda::kernel {
namespace {

TEST(Timespec, OnlyWholeNanosecondsOfASecondAreValid) {
  EXPECT_TRUE(valid(timespec{0, 0}));
  EXPECT_TRUE(valid(timespec{5, 999'999'999}));
  EXPECT_FALSE(valid(timespec{5, 1'000'000'000}));
  EXPECT_FALSE(valid(timespec{0, -1}));
  EXPECT_FALSE(valid(timespec{-1, 0}));
  EXPECT_FALSE(valid(timeval{0, 1'000'000}));
}

TEST(Timespec, ConversionsSaturateAndRound) {
  EXPECT_EQ(to_ns(timespec{2, 5}), 2 * kSecond + 5);
  EXPECT_EQ(to_ns(timespec{std::numeric_limits<time_t>::max(), 0}), kForever);
  EXPECT_EQ(to_ns(timeval{1, 7}), kSecond + 7000);
  EXPECT_EQ(to_timespec(3 * kSecond + 9).tv_nsec, 9);
  EXPECT_EQ(to_timeval_up(1).tv_usec, 1);
  EXPECT_EQ(to_timeval(1).tv_usec, 0);
  EXPECT_EQ(to_timeval_up(kSecond).tv_sec, 1);
  EXPECT_EQ(saturating_sum(kForever, 1), kForever);
  EXPECT_EQ(saturating_sum(1, 2), 3);
  EXPECT_EQ(to_ticks(25'000'000), 2u);
}

TEST(Schedule, ExpiresOnceOrCountsWhatWasMissed) {
  Schedule once{.armed = true, .next = 100, .interval = 0};
  EXPECT_EQ(once.expire(99), 0u);
  EXPECT_EQ(once.remaining(40), 60);
  EXPECT_EQ(once.expire(100), 1u);
  EXPECT_FALSE(once.armed);
  EXPECT_EQ(once.expire(200), 0u);
  EXPECT_EQ(once.remaining(200), 0);

  Schedule periodic{.armed = true, .next = 100, .interval = 10};
  EXPECT_EQ(periodic.expire(135), 4u); // 100, 110, 120, 130
  EXPECT_EQ(periodic.next, 140);
  EXPECT_EQ(periodic.remaining(150), 1); // late, but still armed
  Schedule distant{.armed = true, .next = kForever - 5, .interval = kForever};
  EXPECT_EQ(distant.expire(kForever - 1), 1u);
  EXPECT_EQ(distant.next, kForever);
}

TEST(ClockId, NegativeIdsNameProcessorTime) {
  const auto process = decode_clock(clockid_t(~77u << 3) | 2);
  ASSERT_TRUE(process);
  EXPECT_EQ(process->kind, ClockId::Kind::Process);
  EXPECT_EQ(process->id, 77u);
  const auto thread = decode_clock(clockid_t(~5u << 3) | 4 | 1);
  ASSERT_TRUE(thread);
  EXPECT_EQ(thread->kind, ClockId::Kind::Thread);
  EXPECT_EQ(thread->measure, ClockId::Measure::UserOnly);
  EXPECT_FALSE(decode_clock(clockid_t(~5u << 3) | 3)); // a clock device
  EXPECT_FALSE(decode_clock(10));
  EXPECT_FALSE(decode_clock(99));
  EXPECT_TRUE(decode_clock(CLOCK_MONOTONIC_RAW)->coarse_or_raw);
  EXPECT_EQ(decode_clock(CLOCK_BOOTTIME_ALARM)->host, CLOCK_BOOTTIME);
}

} // namespace
} // namespace pagoda::kernel
