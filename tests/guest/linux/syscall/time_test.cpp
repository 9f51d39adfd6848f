#include <boost/asio/io_context.hpp>
#include <thread>

#include "guest/linux/syscall/time_state.hpp"
#include "tests/guest/linux/syscall/call_world.hpp"

namespace pagoda::kernel {
namespace {

enum : unsigned {
  kGetitimer = 36,
  kAlarm = 37,
  kSetitimer = 38,
  kTimes = 100,
  kCreate = 222,
  kSettime = 223,
  kGettime = 224,
  kGetoverrun = 225,
  kDelete = 226,
  kClockSettime = 227,
  kClockGettime = 228,
  kClockNanosleep = 230,
  kNanosleep = 35,
};

class TimeCalls : public test::CallWorld {
protected:
  // Runs the event loop until a signal is pending for the process, two seconds at most.
  SignalInfo next_signal() {
    const auto end = Clock::now() + std::chrono::seconds(2);
    while (Clock::now() < end) {
      kernel->io().restart();
      kernel->io().run_for(std::chrono::milliseconds(5));
      const LockGuard guard(kernel->mutex);
      auto &queue = process->signals.pending.queue;
      if (!queue.empty()) return queue.front();
    }
    ADD_FAILURE() << "no signal came";
    return {};
  }
  void take_signals() {
    const LockGuard guard(kernel->mutex);
    process->signals.pending = {};
  }
  void spend(std::uint64_t user_ns) {
    const LockGuard guard(kernel->mutex);
    task->user_ns += user_ns;
  }
};

TEST_F(TimeCalls, ClocksReadTheHostAndTheAccounting) {
  EXPECT_EQ(call(kClockGettime, CLOCK_MONOTONIC, kScratch), 0);
  const timespec now = read<timespec>(kScratch);
  timespec host{};
  clock_gettime(CLOCK_MONOTONIC, &host);
  EXPECT_LE(host.tv_sec - now.tv_sec, 1);
  spend(1'500'000'000);
  EXPECT_EQ(call(kClockGettime, CLOCK_PROCESS_CPUTIME_ID, kScratch), 0);
  EXPECT_EQ(read<timespec>(kScratch).tv_nsec, 500'000'000);
  EXPECT_EQ(call(kClockGettime, int(~1u << 3) | 2, kScratch), 0); // by pid
  EXPECT_EQ(read<timespec>(kScratch).tv_sec, 1);
  EXPECT_EQ(call(kClockGettime, int(~4711u << 3) | 2, kScratch), -EINVAL);
  EXPECT_EQ(call(kClockGettime, 77, kScratch), -EINVAL);
  EXPECT_EQ(call(kClockGettime, CLOCK_REALTIME, 8), -EFAULT);
  EXPECT_EQ(call(kClockSettime, CLOCK_REALTIME, put(timespec{1, 0})), -EPERM);
  EXPECT_EQ(call(kClockSettime, CLOCK_REALTIME, put(timespec{1, -1})), -EINVAL);
  EXPECT_EQ(call(kClockSettime, CLOCK_MONOTONIC, put(timespec{1, 0})), -EINVAL);
  EXPECT_GT(call(kTimes, kScratch), 0);
  EXPECT_EQ(read<clock_t>(kScratch), 150);
}

TEST_F(TimeCalls, SleepsParkUntilTheirTime) {
  EXPECT_EQ(call(kNanosleep, put(timespec{0, 0}), 0), 0);
  EXPECT_FALSE(parked);
  EXPECT_EQ(call(kNanosleep, put(timespec{0, 2'000'000'000}), 0), -EINVAL);
  EXPECT_EQ(call(kNanosleep, put(timespec{10, 0}), 0), 0);
  EXPECT_TRUE(parked);
  EXPECT_EQ(call(kClockNanosleep, CLOCK_REALTIME, TIMER_ABSTIME, put(timespec{1, 0}), 0), 0);
  EXPECT_FALSE(parked);
  EXPECT_EQ(call(kClockNanosleep, CLOCK_THREAD_CPUTIME_ID, 0, put(timespec{1, 0}), 0), -EINVAL);
  EXPECT_EQ(call(kClockNanosleep, CLOCK_MONOTONIC_RAW, 0, put(timespec{1, 0}), 0), -EOPNOTSUPP);
}

TEST_F(TimeCalls, AnInterruptedSleepTellsWhatRemains) {
  const SyscallEntry *entry = find_syscall(kNanosleep);
  std::unique_ptr<CallState> state;
  Call made{*kernel,    *process, *task, kNanosleep, {put(timespec{100, 0}).value(), kScratch.value() + 64},
            Wake::None, state};
  EXPECT_EQ(entry->handler(made).kind(), SysResult::Kind::Park);
  made.woken = Wake::Signal;
  EXPECT_EQ(entry->handler(made).value(), -EINTR);
  EXPECT_GE(read<timespec>(kScratch + 64).tv_sec, 98);
}

TEST_F(TimeCalls, AnAlarmComesOnceAndReadsAsItRuns) {
  EXPECT_EQ(call(kAlarm, 100), 0);
  EXPECT_EQ(call(kAlarm, 0), 100);
  EXPECT_EQ(call(kSetitimer, ITIMER_REAL, put(itimerval{{0, 0}, {0, 20'000}}), 0), 0);
  EXPECT_EQ(call(kGetitimer, ITIMER_REAL, kScratch + 64), 0);
  const auto left = read<itimerval>(kScratch + 64).it_value.tv_usec;
  EXPECT_TRUE(left > 0 && left <= 20'000) << left;
  EXPECT_EQ(next_signal().si_signo, SIGALRM);
  EXPECT_EQ(call(kGetitimer, ITIMER_REAL, kScratch + 64), 0);
  EXPECT_EQ(read<itimerval>(kScratch + 64).it_value.tv_usec, 0);
  EXPECT_EQ(call(kSetitimer, ITIMER_REAL, put(itimerval{{0, 0}, {0, 1'000'000}}), 0), -EINVAL);
  EXPECT_EQ(call(kSetitimer, 7, put(itimerval{}), 0), -EINVAL);
}

TEST_F(TimeCalls, ProcessorTimeTimersFollowTheAccounting) {
  ASSERT_EQ(call(kSetitimer, ITIMER_VIRTUAL, put(itimerval{{0, 0}, {0, 50'000}}), 0), 0);
  kernel->io().run_for(std::chrono::milliseconds(30));
  EXPECT_TRUE(process->signals.pending.queue.empty());
  spend(60'000'000);
  EXPECT_EQ(next_signal().si_signo, SIGVTALRM);
}

TEST_F(TimeCalls, ACpuLimitSendsItsSignalsInTurn) {
  {
    const LockGuard guard(kernel->mutex);
    process->limits[RLIMIT_CPU] = {1, RLIM_INFINITY};
    watch_cpu_time(*kernel, *process);
  }
  spend(1'100'000'000);
  EXPECT_EQ(next_signal().si_signo, SIGXCPU);
}

TEST_F(TimeCalls, PosixTimersSignalAndCountOverruns) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGRTMIN;
  event.sigev_value.sival_int = 42;
  ASSERT_EQ(call(kCreate, CLOCK_MONOTONIC, put(event), kScratch + 256), 0);
  const int id = read<int>(kScratch + 256);
  EXPECT_EQ(call(kSettime, id, 0, put(itimerspec{{0, 2'000'000}, {0, 1'000'000}}), 0), 0);
  const SignalInfo first = next_signal();
  EXPECT_EQ(first.si_signo, SIGRTMIN);
  EXPECT_EQ(first.si_code, SI_TIMER);
  EXPECT_EQ(first.si_value.sival_int, 42);
  EXPECT_EQ(first.si_timerid, id);
  // The signal stays pending: what expires meanwhile is an overrun, not another signal.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  kernel->io().restart();
  kernel->io().run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(process->signals.pending.queue.size(), 1u);
  EXPECT_GE(call(kGetoverrun, id), 5);
  EXPECT_EQ(call(kGettime, id, kScratch), 0);
  EXPECT_EQ(read<itimerspec>(kScratch).it_interval.tv_nsec, 2'000'000);
  EXPECT_EQ(call(kDelete, id), 0);
  EXPECT_EQ(call(kDelete, id), -EINVAL);
  take_signals();
  kernel->io().restart();
  kernel->io().run_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(process->signals.pending.queue.empty());
}

TEST_F(TimeCalls, PosixTimersRefuseWhatLinuxRefuses) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = 99;
  EXPECT_EQ(call(kCreate, CLOCK_MONOTONIC, put(event), kScratch + 256), -EINVAL);
  event.sigev_notify = 17;
  EXPECT_EQ(call(kCreate, CLOCK_MONOTONIC, put(event), kScratch + 256), -EINVAL);
  EXPECT_EQ(call(kCreate, 55, 0, kScratch + 256), -EINVAL);
  EXPECT_EQ(call(kCreate, CLOCK_MONOTONIC, 0, 8), -EFAULT);
  EXPECT_TRUE(process->timers->posix.empty());
  ASSERT_EQ(call(kCreate, CLOCK_MONOTONIC, 0, kScratch), 0);
  const int id = read<int>(kScratch);
  EXPECT_EQ(call(kSettime, id, 0, put(itimerspec{{0, 0}, {0, -5}}), 0), -EINVAL);
  EXPECT_EQ(call(kSettime, id, 0, 0, 0), -EINVAL);
  EXPECT_EQ(call(kSettime, id + 1, 0, put(itimerspec{}), 0), -EINVAL);
}

} // namespace
} // namespace pagoda::kernel
