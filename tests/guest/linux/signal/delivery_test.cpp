// Which signal ends which wait, and how the interrupted call goes on.
#include <linux/futex.h>

#include "guest/linux/signal/pending.hpp"
#include "tests/guest/linux/scripted_world.hpp"

namespace pagoda::test {
namespace {

class DeliveryTest : public ScriptedWorld {
protected:
  static constexpr Gva kWord = kData;
  static constexpr Gva kTimeout = kData + 64;
  static constexpr Gva kAction = kData + 128;
  static constexpr Gva kSet = kData + 256;
  static constexpr std::uint64_t kWait = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
  static constexpr std::uint64_t kWake = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;
  static constexpr std::uint64_t kRestorerFlag = 0x04000000;

  void install(int signal, std::uint64_t flags) {
    script.run([=, this](Registers &, ScriptedCpu &) {
      write(kAction, kernel::SignalAction{handler, flags | kRestorerFlag, restorer, 0});
    });
    script.call(SYS_rt_sigaction, signal, kAction.value(), 0, 8);
  }
  // Counts, and returns.
  void write_handler() {
    handler = script.run([this](Registers &, ScriptedCpu &) { handled++; });
    script.run([this](Registers &r, ScriptedCpu &) { r.rsp += 8, r.rip = restorer; });
    restorer = script.call(SYS_rt_sigreturn);
  }
  // Until init's first thread is parked.
  void wait_for_park() {
    script.work_until([this] {
      const LockGuard guard(kernel->mutex);
      return kernel->find_task(1)->state == kernel::TaskState::Parked;
    });
  }
  std::uint64_t handler = 0, restorer = 0, thread = 0;
  std::atomic<int> handled{0};
};

TEST_F(DeliveryTest, WithoutRestartTheCallIsInterrupted) {
  std::int64_t result = 0;
  install(SIGUSR1, 0);
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_futex, kWord.value(), kWait, 0, 0);
  script.keep(result);
  exit_with(0);
  thread = script.here();
  wait_for_park();
  script.call(SYS_tgkill, 1, 1, SIGUSR1);
  script.call(SYS_exit, 0);
  write_handler();
  boot(2);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(result, -EINTR);
  EXPECT_EQ(handled, 1);
}

TEST_F(DeliveryTest, WithRestartTheCallIsRepeated) {
  std::int64_t result = -1;
  install(SIGUSR1, SA_RESTART);
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_futex, kWord.value(), kWait, 0, 0);
  script.keep(result);
  exit_with(0);
  thread = script.here();
  wait_for_park();
  script.call(SYS_tgkill, 1, 1, SIGUSR1);
  script.work_until([this] { return handled == 1; });
  wait_for_park();
  const auto wake = script.call(SYS_futex, kWord.value(), kWake, 1);
  script.run([wake](Registers &r, ScriptedCpu &) { r.rip = r.rax == 0 ? wake : r.rip + kInstructionBytes; });
  script.call(SYS_exit, 0);
  write_handler();
  boot(2);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(result, 0);
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(kernel->statistics().syscalls[SYS_futex] >= 3, true); // the wait twice, and the wake
}

TEST_F(DeliveryTest, AnIgnoredSignalEndsNoWait) {
  std::int64_t result = 0;
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_futex, kWord.value(), kWait, 0, kTimeout.value());
  script.keep(result);
  exit_with(0);
  thread = script.here();
  wait_for_park();
  script.call(SYS_tgkill, 1, 1, SIGWINCH);
  script.call(SYS_exit, 0);
  boot(2);
  write(kTimeout, timespec{0, 100'000'000});
  finish();
  EXPECT_EQ(result, -ETIMEDOUT);
}

TEST_F(DeliveryTest, ABlockedSignalStaysPendingUntilItIsUnblocked) {
  int handled_before = -1;
  install(SIGUSR1, 0);
  script.call(SYS_rt_sigprocmask, SIG_BLOCK, kSet.value(), 0, 8);
  script.call(SYS_kill, 1, SIGUSR1);
  script.call(SYS_kill, 1, SIGUSR1); // a standard signal is pending once
  script.run([&](Registers &, ScriptedCpu &) { handled_before = handled; });
  script.call(SYS_rt_sigprocmask, SIG_UNBLOCK, kSet.value(), 0, 8);
  exit_with(0);
  write_handler();
  boot(1);
  write(kSet, kernel::signal_bit(SIGUSR1));
  finish();
  EXPECT_EQ(handled_before, 0);
  EXPECT_EQ(handled, 1);
}

TEST_F(DeliveryTest, RealTimeSignalsQueue) {
  const int signal = 40;
  install(signal, 0);
  script.call(SYS_rt_sigprocmask, SIG_BLOCK, kSet.value(), 0, 8);
  for (int i = 0; i < 3; ++i) script.call(SYS_kill, 1, signal);
  script.call(SYS_rt_sigprocmask, SIG_UNBLOCK, kSet.value(), 0, 8);
  exit_with(0);
  write_handler();
  boot(1);
  write(kSet, kernel::signal_bit(signal));
  finish();
  EXPECT_EQ(handled, 3);
}

TEST_F(DeliveryTest, SigsuspendRunsTheHandlerUnderItsMaskAndRestoresTheOldOne) {
  std::int64_t result = 0;
  constexpr Gva kEmpty = kData + 300 / 8 * 8;
  constexpr Gva kAfter = kData + 320;
  install(SIGUSR1, 0);
  script.call(SYS_rt_sigprocmask, SIG_BLOCK, kSet.value(), 0, 8);
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_rt_sigsuspend, kEmpty.value(), 8);
  script.keep(result);
  script.call(SYS_rt_sigprocmask, SIG_BLOCK, 0, kAfter.value(), 8);
  exit_with(0);
  thread = script.here();
  wait_for_park();
  script.call(SYS_tgkill, 1, 1, SIGUSR1);
  script.call(SYS_exit, 0);
  write_handler();
  boot(2);
  write(kSet, kernel::signal_bit(SIGUSR1));
  write(kEmpty, std::uint64_t(0));
  std::uint64_t after = 0;
  finish();
  (void)fault::read_value(*space, kAfter, after);
  EXPECT_EQ(result, -EINTR);
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(after, kernel::signal_bit(SIGUSR1));
}

TEST_F(DeliveryTest, TimedWaitTakesABlockedSignal) {
  std::int64_t result = 0, late = 0;
  constexpr Gva kInfo = kData + 512;
  script.call(SYS_rt_sigprocmask, SIG_BLOCK, kSet.value(), 0, 8);
  spawn_thread(thread, kStackTop - 0x8000);
  script.call(SYS_rt_sigtimedwait, kSet.value(), kInfo.value(), 0, 8);
  script.keep(result);
  script.call(SYS_rt_sigtimedwait, kSet.value(), 0, kTimeout.value(), 8);
  script.keep(late);
  exit_with(0);
  thread = script.here();
  wait_for_park();
  script.call(SYS_kill, 1, SIGUSR1);
  script.call(SYS_exit, 0);
  boot(2);
  write(kSet, kernel::signal_bit(SIGUSR1));
  write(kTimeout, timespec{0, 10'000'000});
  finish();
  EXPECT_EQ(result, SIGUSR1);
  EXPECT_EQ(late, -EAGAIN);
  EXPECT_EQ(read<siginfo_t>(kInfo).si_code, SI_USER);
}

TEST(PendingSignals, FaultsComeFirstThenTheLowestNumber) {
  kernel::Process process(1, 0);
  kernel::Task task(process, 1);
  for (const int signal : {SIGTERM, SIGUSR1, SIGSEGV}) {
    siginfo_t info{};
    info.si_signo = signal;
    kernel::queue_signal(task.signals.pending, info);
  }
  EXPECT_EQ(kernel::take_signal(task, ~0ull)->si_signo, SIGSEGV);
  EXPECT_EQ(kernel::take_signal(task, ~0ull)->si_signo, SIGUSR1);
  EXPECT_EQ(kernel::take_signal(task, ~kernel::signal_bit(SIGTERM)), std::nullopt);
  EXPECT_EQ(kernel::take_signal(task, ~0ull)->si_signo, SIGTERM);
}

TEST(PendingSignals, TheQueueIsBounded) {
  kernel::PendingSignals pending;
  siginfo_t info{};
  info.si_signo = 40;
  for (std::size_t i = 0; i < kernel::kMaxQueued; ++i) ASSERT_TRUE(kernel::queue_signal(pending, info));
  EXPECT_FALSE(kernel::queue_signal(pending, info));
  EXPECT_EQ(pending.queue.size(), kernel::kMaxQueued);
}

} // namespace
} // namespace pagoda::test
