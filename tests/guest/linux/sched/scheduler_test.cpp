#include <linux/futex.h>
#include <numeric>
#include <sys/resource.h>

#include "tests/guest/linux/scripted_world.hpp"

namespace pagoda::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class SchedulerTest : public ScriptedWorld {
protected:
  static constexpr Gva kWord = kData;
  static constexpr Gva kTimeout = kData + 64;
  static constexpr std::uint64_t kWait = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  static constexpr std::uint64_t kWake = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;
};

TEST_F(SchedulerTest, ExitCodeOfInitIsTheResult) {
  exit_with(42);
  boot(1);
  const auto result = finish();
  EXPECT_EQ(result.exit_code, 42);
  EXPECT_EQ(result.signal, 0);
}

TEST_F(SchedulerTest, AProcessorThatFailsEndsTheRun) {
  boot(1); // there is no instruction at all
  const auto result = kernel->run();
  EXPECT_EQ(result.exit_code, 125);
  EXPECT_NE(result.failure.find("no such instruction"), std::string::npos);
}

TEST_F(SchedulerTest, AnUnknownCallIsRefusedAndCounted) {
  std::int64_t result = 0;
  script.call(500);
  script.keep(result);
  exit_with(0);
  boot(1);
  finish();
  EXPECT_EQ(result, -ENOSYS);
  EXPECT_EQ(kernel->statistics().unknown[500], 1u);
}

TEST_F(SchedulerTest, AWaitEndsAtItsDeadline) {
  std::int64_t result = 0;
  steady_clock::time_point begin, end;
  script.run([&](auto &, auto &) { begin = steady_clock::now(); });
  script.call(SYS_futex, kWord.value(), kWait, 0, kTimeout.value());
  script.keep(result);
  script.run([&](auto &, auto &) { end = steady_clock::now(); });
  exit_with(0);
  boot(1);
  write(kTimeout, timespec{0, 30'000'000});
  finish();
  EXPECT_EQ(result, -ETIMEDOUT);
  EXPECT_GE(end - begin, milliseconds(30));
  EXPECT_LT(end - begin, milliseconds(3000));
}

TEST_F(SchedulerTest, AWordThatChangedIsNotWaitedFor) {
  std::int64_t result = 0;
  script.call(SYS_futex, kWord.value(), kWait, 1, 0);
  script.keep(result);
  exit_with(0);
  boot(1);
  finish();
  EXPECT_EQ(result, -EAGAIN);
}

TEST_F(SchedulerTest, AThreadWakesAnother) {
  std::uint64_t thread = 0;
  std::int64_t waited = -1, woken = -1;
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_futex, kWord.value(), kWait, 0, 0);
  script.keep(waited);
  exit_with(0);
  thread = script.here();
  const auto wake = script.call(SYS_futex, kWord.value(), kWake, 1); // until somebody was there
  script.run([&, wake](Registers &r, ScriptedCpu &) { r.rip = r.rax == 0 ? wake : r.rip + kInstructionBytes; });
  script.keep(woken);
  script.call(SYS_exit, 0);
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(waited, 0);
  EXPECT_EQ(woken, 1);
}

// Waits with short deadlines against a stream of wake-ups, on two vCPUs: whoever wins, nobody hangs
// and every wait ends for one of the two reasons.
TEST_F(SchedulerTest, WakeUpsRaceWithDeadlines) {
  constexpr int kRounds = 2000;
  std::uint64_t thread = 0;
  int ready = 0, late = 0, other = 0;
  std::atomic<bool> over{false};
  spawn_thread(thread, kStackTop - 0x8000);
  const auto loop = script.call(SYS_futex, kWord.value(), kWait, 0, kTimeout.value());
  script.run([&, loop](Registers &r, ScriptedCpu &) {
    const auto result = std::int64_t(r.rax);
    (result == 0 ? ready : result == -ETIMEDOUT ? late : other)++;
    if (ready + late + other < kRounds)
      r.rip = loop;
    else
      over = true;
  });
  exit_with(0);
  thread = script.here();
  const auto wake = script.call(SYS_futex, kWord.value(), kWake, 1);
  script.run([&, wake](Registers &r, ScriptedCpu &) { r.rip = over ? r.rip + kInstructionBytes : wake; });
  script.call(SYS_exit, 0);
  boot(2);
  write(kTimeout, timespec{0, 20'000});
  finish();
  EXPECT_EQ(ready + late, kRounds);
  EXPECT_EQ(other, 0);
  EXPECT_GT(ready, 0);
}

// More threads that never give up the processor than there are processors: all get on.
TEST_F(SchedulerTest, BusyThreadsShareOneProcessor) {
  constexpr std::uint64_t kThreads = 4;
  std::array<std::atomic<int>, kThreads> turns{};
  std::atomic<bool> over{false};
  std::uint64_t thread = 0;
  for (std::uint64_t i = 0; i < kThreads; ++i) spawn_thread(thread, kStackTop - 0x8000 * (i + 1), i);
  script.work_until([&] {
    over = std::ranges::all_of(turns, [](const auto &n) { return n.load() > 50; });
    return over.load();
  });
  exit_with(0);
  thread = script.here();
  script.add([&](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
    turns[r.r12]++;
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    return std::nullopt;
  });
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_GT(kernel->statistics().preemptions, 3u);
}

TEST_F(SchedulerTest, NiceTasksGetLess) {
  std::uint64_t thread = 0;
  std::array<std::atomic<std::uint64_t>, 2> ticks{};
  const auto begin = std::make_shared<steady_clock::time_point>();
  spawn_thread(thread, kStackTop - 0x8000, 0);
  spawn_thread(thread, kStackTop - 0x10000, 1);
  script.call(SYS_futex, kWord.value(), kWait, 0, kTimeout.value());
  exit_with(0);
  thread = script.here();
  script.run([](Registers &r, ScriptedCpu &) { r.rbx = r.r12; });
  const auto nice = script.add([](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
    r.rip += kInstructionBytes;
    if (r.rbx == 0) return std::nullopt;
    r.rax = SYS_setpriority, r.rdi = PRIO_PROCESS, r.rsi = 0, r.rdx = 10;
    VmExit exit;
    exit.kind = VmExit::Kind::SystemCall;
    return exit;
  });
  (void)nice;
  script.add([&](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
    ticks[r.rbx]++;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    return std::nullopt;
  });
  boot(1);
  write(kTimeout, timespec{0, 400'000'000});
  finish();
  // Ten levels are a factor of 9.3; a loaded machine blurs it.
  EXPECT_GT(ticks[0].load(), 3 * ticks[1].load());
  EXPECT_GT(ticks[1].load(), 0u);
}

// Each thread keeps its own vector state, whichever vCPU it runs on and whoever ran there before.
TEST_F(SchedulerTest, VectorStateFollowsItsThread) {
  constexpr std::uint64_t kThreads = 5;
  constexpr int kRounds = 200;
  std::uint64_t thread = 0;
  std::atomic<int> wrong{0}, ended{0};
  for (std::uint64_t i = 1; i <= kThreads; ++i) spawn_thread(thread, kStackTop - 0x8000 * i, i);
  script.work_until([&] { return ended == int(kThreads); });
  exit_with(0);
  thread = script.here();
  script.run([](Registers &r, ScriptedCpu &cpu) { cpu.fpu.xsave[160] = std::byte(r.r12), r.rbx = 0; });
  const auto loop = script.call(SYS_sched_yield);
  script.run([&, loop](Registers &r, ScriptedCpu &cpu) {
    if (cpu.fpu.xsave[160] != std::byte(r.r12)) wrong++;
    if (++r.rbx < kRounds)
      r.rip = loop;
    else
      ended++;
  });
  script.call(SYS_exit, 0);
  boot(2);
  finish();
  EXPECT_EQ(wrong, 0);
}

TEST_F(SchedulerTest, ATaskMovesToTheProcessorItIsBoundTo) {
  constexpr Gva kMask = kData + 128;
  std::vector<std::uint32_t> seen;
  script.call(SYS_sched_setaffinity, 0, 8, kMask.value());
  script.run([&](Registers &, ScriptedCpu &cpu) { seen.push_back(&cpu == processors[1].get() ? 1 : 0); });
  exit_with(0);
  boot(2);
  write(kMask, std::uint64_t(2));
  finish();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen.front(), 1u);
}

TEST_F(SchedulerTest, TheRunCanBeEndedFromOutside) {
  script.call(SYS_futex, kWord.value(), kWait, 0, 0); // for ever
  exit_with(0);
  boot(1);
  std::thread outside([&] {
    std::this_thread::sleep_for(milliseconds(30));
    kernel->kill_all("");
  });
  const auto result = finish();
  outside.join();
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST_F(SchedulerTest, ASignalFromTheTerminalEndsTheForeground) {
  script.call(SYS_futex, kWord.value(), kWait, 0, 0);
  exit_with(0);
  boot(1);
  std::thread outside([&] {
    std::this_thread::sleep_for(milliseconds(30));
    kernel->signal_foreground(SIGINT);
  });
  const auto result = finish();
  outside.join();
  EXPECT_EQ(result.signal, SIGINT);
  EXPECT_EQ(result.exit_code, 128 + SIGINT);
}

// A read from an empty pipe parks the task, not the vCPU: the other process fills it meanwhile.
TEST_F(SchedulerTest, ADescriptorThatGetsReadyEndsTheWait) {
  constexpr Gva kPipe = kData + 256;
  constexpr Gva kBuffer = kData + 512;
  std::uint64_t child = 0;
  std::int64_t got = 0;
  script.call(SYS_pipe2, kPipe.value(), 0);
  script.call(SYS_fork);
  script.jump_if_zero(child);
  script.call(SYS_read, 0, kBuffer.value(), 16);
  script.keep(got);
  exit_with(0);
  child = script.here();
  for (int i = 0; i < 5; ++i) script.call(SYS_sched_yield); // the parent waits by now
  script.call(SYS_write, 1, kBuffer.value(), 3);
  exit_with(0);
  boot(1);
  finish();
  EXPECT_EQ(got, 3);
}

} // namespace
} // namespace pagoda::test
