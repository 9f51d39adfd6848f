// Parents and children: fork, vfork, exit, wait4, waitid, stop and continue.
#include <sched.h>
#include <sys/wait.h>

#include "guest/linux/signal/signal_state.hpp"
#include "tests/guest/linux/scripted_world.hpp"

namespace pagoda::test {
namespace {

class WaitTest : public ScriptedWorld {
protected:
  static constexpr Gva kStatus = kData;
  static constexpr Gva kInfo = kData + 256;
  static constexpr Gva kAction = kData + 512;

  void fork_to(const std::uint64_t &entry) {
    script.call(SYS_fork);
    script.run([this](Registers &r, ScriptedCpu &) {
      if (r.rax != 0) child_pid = std::int64_t(r.rax);
    });
    script.jump_if_zero(entry);
  }
  // Calls with the child's pid as first argument.
  std::uint64_t call_with_child(unsigned number, std::uint64_t second, std::uint64_t third = 0) {
    return script.add([=, this](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
      r.rax = number, r.rdi = std::uint64_t(child_pid), r.rsi = second, r.rdx = third, r.r10 = 0;
      r.rip += kInstructionBytes;
      VmExit exit;
      exit.kind = VmExit::Kind::SystemCall;
      return exit;
    });
  }
  void keep_status(int &status) {
    script.run([this, &status](Registers &, ScriptedCpu &) { status = read<int>(kStatus); });
  }
  std::int64_t child_pid = 0;
  std::uint64_t child = 0;
};

TEST_F(WaitTest, TheExitCodeReachesTheParentOnce) {
  std::int64_t waited = 0, again = 0;
  int status = 0;
  fork_to(child);
  script.call(SYS_wait4, -1, kStatus.value(), 0, 0);
  script.keep(waited);
  keep_status(status);
  script.call(SYS_wait4, -1, 0, 0, 0);
  script.keep(again);
  exit_with(0);
  child = script.here();
  exit_with(3);
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(waited, child_pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(again, -ECHILD);
  EXPECT_EQ(kernel->statistics().processes, 1u); // init was made by hand
}

TEST_F(WaitTest, WnohangDoesNotWait) {
  std::int64_t early = -1;
  std::atomic<bool> go{false};
  fork_to(child);
  script.call(SYS_wait4, -1, kStatus.value(), WNOHANG, 0);
  script.keep(early);
  script.run([&](auto &, auto &) { go = true; });
  script.call(SYS_wait4, -1, kStatus.value(), 0, 0);
  exit_with(0);
  child = script.here();
  script.work_until([&] { return go.load(); });
  exit_with(0);
  boot(2);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(early, 0);
}

TEST_F(WaitTest, ASignalThatKilledIsTold) {
  int status = 0;
  fork_to(child);
  call_with_child(SYS_kill, SIGTERM);
  script.call(SYS_wait4, -1, kStatus.value(), 0, 0);
  keep_status(status);
  exit_with(0);
  child = script.call(SYS_pause);
  exit_with(1);
  boot(1);
  finish();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(WaitTest, StopAndContinueAreReported) {
  int stopped = 0, continued = 0, killed = 0;
  fork_to(child);
  script.call(SYS_wait4, -1, kStatus.value(), WUNTRACED, 0);
  keep_status(stopped);
  call_with_child(SYS_kill, SIGCONT);
  script.call(SYS_wait4, -1, kStatus.value(), WCONTINUED, 0);
  keep_status(continued);
  call_with_child(SYS_kill, SIGKILL);
  script.call(SYS_wait4, -1, kStatus.value(), 0, 0);
  keep_status(killed);
  exit_with(0);
  child = script.call(SYS_getpid);
  script.add([](Registers &r, ScriptedCpu &) -> std::optional<VmExit> {
    r.rdi = r.rax, r.rsi = SIGSTOP, r.rax = SYS_kill;
    r.rip += kInstructionBytes;
    VmExit exit;
    exit.kind = VmExit::Kind::SystemCall;
    return exit;
  });
  script.call(SYS_pause);
  exit_with(0);
  boot(1);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_TRUE(WIFSTOPPED(stopped));
  EXPECT_EQ(WSTOPSIG(stopped), SIGSTOP);
  EXPECT_TRUE(WIFCONTINUED(continued));
  EXPECT_TRUE(WIFSIGNALED(killed));
}

TEST_F(WaitTest, WaitidLooksWithoutTaking) {
  std::int64_t looked = -1, taken = -1, gone = 0;
  siginfo_t info{};
  fork_to(child);
  script.call(SYS_waitid, P_ALL, 0, kInfo.value(), WEXITED | WNOWAIT, 0);
  script.keep(looked);
  script.run([&](auto &, auto &) { info = read<siginfo_t>(kInfo); });
  script.call(SYS_waitid, P_ALL, 0, 0, WEXITED, 0);
  script.keep(taken);
  script.call(SYS_waitid, P_ALL, 0, 0, WEXITED, 0);
  script.keep(gone);
  exit_with(0);
  child = script.here();
  exit_with(9);
  boot(1);
  finish();
  EXPECT_EQ(looked, 0);
  EXPECT_EQ(taken, 0);
  EXPECT_EQ(gone, -ECHILD);
  EXPECT_EQ(info.si_code, CLD_EXITED);
  EXPECT_EQ(info.si_status, 9);
  EXPECT_EQ(info.si_pid, child_pid);
  EXPECT_EQ(info.si_signo, SIGCHLD);
}

TEST_F(WaitTest, AParentThatIgnoresItsChildrenLeavesNoZombies) {
  std::int64_t waited = 0;
  script.call(SYS_rt_sigaction, SIGCHLD, kAction.value(), 0, 8);
  fork_to(child);
  script.call(SYS_wait4, -1, 0, 0, 0);
  script.keep(waited);
  exit_with(0);
  child = script.here();
  exit_with(0);
  boot(1);
  write(kAction, kernel::SignalAction{1, 0, 0, 0}); // SIG_IGN
  finish();
  EXPECT_EQ(waited, -ECHILD);
}

TEST_F(WaitTest, AVforkParentWaitsForItsChild) {
  std::atomic<bool> child_done{false};
  bool done_before_return = false;
  script.call(SYS_vfork);
  script.jump_if_zero(child);
  script.run([&](auto &, auto &) { done_before_return = child_done; });
  exit_with(0);
  child = script.here();
  for (int i = 0; i < 20; ++i) script.call(SYS_sched_yield);
  script.run([&](auto &, auto &) { child_done = true; });
  exit_with(0);
  boot(2);
  finish();
  EXPECT_TRUE(done_before_return);
}

TEST_F(WaitTest, ForkedMemoryIsTheChildsOwn) {
  constexpr Gva kValue = kData + 64;
  int seen = 0;
  script.run([&](auto &, auto &) { write(kValue, 1); });
  fork_to(child);
  script.call(SYS_wait4, -1, 0, 0, 0);
  script.run([&](auto &, auto &) { seen = read<int>(kValue); });
  exit_with(0);
  child = script.run([&](Registers &, ScriptedCpu &cpu) {
    const LockGuard guard(kernel->mutex);
    auto copy = kernel->find_process(cpu.running.pid)->space;
    EXPECT_NE(copy.get(), space.get());
    EXPECT_TRUE(fault::write_value(*copy, kValue, 2));
  });
  exit_with(0);
  boot(1);
  finish();
  EXPECT_EQ(seen, 1);
}

TEST_F(WaitTest, OrphansGoToInit) {
  std::uint64_t grandchild = 0;
  std::int64_t first = 0, second = 0;
  std::atomic<bool> go{false};
  fork_to(child);
  script.call(SYS_wait4, -1, 0, 0, 0);
  script.keep(first);
  script.run([&](auto &, auto &) { go = true; });
  script.call(SYS_wait4, -1, 0, 0, 0); // the grandchild, ours by now
  script.keep(second);
  exit_with(0);
  child = script.call(SYS_fork);
  script.jump_if_zero(grandchild);
  exit_with(0);
  grandchild = script.work_until([&] { return go.load(); });
  exit_with(0);
  boot(2);
  EXPECT_EQ(finish().exit_code, 0);
  EXPECT_EQ(first, child_pid);
  EXPECT_GT(second, child_pid);
}

TEST_F(WaitTest, ThreadsDieWithTheirProcess) {
  std::uint64_t thread = 0;
  std::atomic<bool> running{false};
  spawn_thread(thread, kStackTop - 0x8000);
  script.work_until([&] { return running.load(); });
  exit_with(5);
  thread = script.run([&](auto &, auto &) { running = true; });
  script.work_until([] { return false; }); // for ever
  boot(2);
  EXPECT_EQ(finish().exit_code, 5);
}

TEST_F(WaitTest, HostileCloneFlagsAreRefused) {
  std::array<std::int64_t, 4> results{};
  script.call(SYS_clone, CLONE_THREAD, 0, 0, 0, 0);
  script.keep(results[0]);
  script.call(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0);
  script.keep(results[1]);
  script.call(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
  script.keep(results[2]);
  script.call(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, 0x8000'0000'0000'0000ull);
  script.keep(results[3]);
  exit_with(0);
  boot(1);
  finish();
  EXPECT_EQ(results[0], -EINVAL);
  EXPECT_EQ(results[1], -EINVAL);
  EXPECT_EQ(results[2], -EPERM);
  EXPECT_EQ(results[3], -EPERM);
}

// Nothing of a finished run is left in guest memory.
TEST_F(WaitTest, EveryFrameComesBack) {
  const std::uint64_t before = memory.in_use();
  for (int i = 0; i < 5; ++i) {
    script.call(SYS_fork);
    script.jump_if_zero(child);
    script.call(SYS_wait4, -1, 0, 0, 0);
  }
  exit_with(0);
  child = script.here();
  exit_with(0);
  boot(2);
  finish();
  kernel.reset();
  space.reset();
  invalidator.drain();
  EXPECT_EQ(memory.in_use(), before);
}

} // namespace
} // namespace pagoda::test
