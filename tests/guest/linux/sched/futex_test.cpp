#include <linux/futex.h>

#include "guest/linux/sched/futex.hpp"
#include "guest/linux/sched/run_queue.hpp"
#include "guest/linux/sched/weights.hpp"
#include "tests/guest/linux/scripted_world.hpp"

namespace pagoda::test {
namespace {

using kernel::FutexKey;
using kernel::FutexWait;
using kernel::Task;
using kernel::TaskState;

// Waiters are put into the buckets by hand; nothing runs.
class FutexTest : public ScriptedWorld {
protected:
  FutexTest() { boot(1); }
  Task &waiter(FutexWait &wait) {
    const LockGuard guard(kernel->mutex);
    kernel::Process &init = *kernel->find_process(1);
    init.tasks.push_back(std::make_unique<Task>(init, std::uint32_t(10 + init.tasks.size())));
    Task &task = *init.tasks.back();
    task.state = TaskState::Parked;
    kernel->futexes().add(task, wait);
    return task;
  }
  unsigned wake(const FutexKey &key, unsigned limit, std::uint32_t bits = kernel::kFutexAnyBit) {
    const LockGuard guard(kernel->mutex);
    return kernel->futexes().wake(key, limit, bits);
  }
  static constexpr int kSomeSpace = 0;
  const FutexKey one{&kSomeSpace, 0x1000};
  const FutexKey two{&kSomeSpace, 0x2000};
};

TEST_F(FutexTest, WakesTheOldestFirstAndNoMoreThanAsked) {
  std::array<FutexWait, 3> waits{FutexWait{one}, FutexWait{one}, FutexWait{one}};
  for (auto &wait : waits) waiter(wait);
  EXPECT_EQ(wake(one, 2), 2u);
  EXPECT_TRUE(waits[0].woken && waits[1].woken);
  EXPECT_FALSE(waits[2].woken);
  EXPECT_EQ(wake(one, 5), 1u);
  EXPECT_EQ(wake(one, 5), 0u);
}

TEST_F(FutexTest, KeysAreTold) {
  FutexWait wait{one};
  const Task &task = waiter(wait);
  EXPECT_EQ(wake(two, 1), 0u);
  EXPECT_EQ(wake(FutexKey{nullptr, one.address}, 1), 0u);
  EXPECT_EQ(task.state, TaskState::Parked);
  EXPECT_EQ(wake(one, 1), 1u);
  EXPECT_EQ(task.state, TaskState::Runnable);
}

TEST_F(FutexTest, BitsSelectWaiters) {
  FutexWait odd{one, 0b01}, even{one, 0b10};
  waiter(odd);
  waiter(even);
  EXPECT_EQ(wake(one, 9, 0b10), 1u);
  EXPECT_TRUE(even.woken);
  EXPECT_FALSE(odd.woken);
}

TEST_F(FutexTest, RequeueMovesTheRest) {
  std::array<FutexWait, 4> waits{FutexWait{one}, FutexWait{one}, FutexWait{one}, FutexWait{one}};
  for (auto &wait : waits) waiter(wait);
  {
    const LockGuard guard(kernel->mutex);
    EXPECT_EQ(kernel->futexes().requeue(one, two, 1, 2), 3u);
  }
  EXPECT_EQ(wake(two, 9), 2u);
  EXPECT_EQ(wake(one, 9), 1u);
  EXPECT_TRUE(waits[3].woken); // the one that was neither woken nor moved
}

TEST_F(FutexTest, RequeueToItselfOnlyWakes) {
  std::array<FutexWait, 2> waits{FutexWait{one}, FutexWait{one}};
  for (auto &wait : waits) waiter(wait);
  const LockGuard guard(kernel->mutex);
  EXPECT_EQ(kernel->futexes().requeue(one, one, 1, 9), 1u);
}

TEST(Weights, OneLevelIsATenth) {
  EXPECT_EQ(kernel::weight_of(0), 1024u);
  EXPECT_EQ(kernel::weight_of(-100), kernel::weight_of(-20));
  EXPECT_EQ(kernel::weight_of(100), 15u);
  for (int nice = -20; nice < 19; ++nice) {
    const double ratio = double(kernel::weight_of(nice)) / double(kernel::weight_of(nice + 1));
    EXPECT_NEAR(ratio, 1.25, 0.06) << nice;
  }
}

TEST_F(FutexTest, RunQueueOrdersByVirtualTimeAndAffinity) {
  const LockGuard guard(kernel->mutex);
  kernel::Process &init = *kernel->processes.at(1);
  Task first(init, 100), second(init, 101), bound(init, 102);
  kernel::RunQueue queue;
  first.vruntime = 500;
  second.vruntime = 100;
  bound.vruntime = 10;
  bound.affinity = 0b10;
  queue.add(first);
  queue.add(second);
  queue.add(bound);
  EXPECT_EQ(queue.first_for(0), &second);
  EXPECT_EQ(queue.first_for(1), &bound);
  // Vector state on a vCPU binds more than affinity does.
  second.fpu_on_cpu = true;
  second.last_cpu = 1;
  EXPECT_EQ(queue.first_for(0), &first);
  queue.remove(first);
  EXPECT_EQ(queue.first_for(0), nullptr);
}

TEST_F(FutexTest, ASleeperStartsNotFarBehind) {
  const LockGuard guard(kernel->mutex);
  kernel::Process &init = *kernel->processes.at(1);
  Task sleeper(init, 100);
  kernel::RunQueue queue;
  queue.advance(1'000'000'000);
  queue.add(sleeper);
  EXPECT_EQ(sleeper.vruntime, 1'000'000'000 - kernel::RunQueue::kSleeperCredit);
}

} // namespace
} // namespace pagoda::test
