#include "guest/linux/sched/scheduler.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "guest/linux/kernel.hpp"
#include "guest/linux/sched/scheduler_state.hpp"
#include "guest/linux/sched/worker.hpp"

namespace pagoda::kernel {

Scheduler::State::State(Kernel &owner)
    : kernel(owner), reactor(owner.io(), owner.mutex, [this](Task &task, Wake why) { wake(task, why); }),
      slice_timer(owner.io()) {
  int index = 0;
  for (Cpu *cpu : owner.platform().cpus) workers.push_back(std::make_unique<Worker>(*this, *cpu, index++));
}

Scheduler::State::~State() = default;

void Scheduler::State::enqueue(Task &task) {
  task.state = TaskState::Runnable;
  task.cpu = -1;
  runnable.add(task);
  offer(task);
}

void Scheduler::State::offer(Task &task) {
  // The vCPU that ran it last may still hold its vector state and the host's caches.
  if (task.last_cpu >= 0 && std::size_t(task.last_cpu) < workers.size()) {
    Worker &last = *workers[std::size_t(task.last_cpu)];
    if (last.idle() && may_run_on(task, last.index())) return last.notify();
  }
  for (auto &worker : workers) {
    if (worker->idle() && may_run_on(task, worker->index())) return worker->notify();
  }
  preempt_for(task);
}

void Scheduler::State::preempt_for(Task &task) {
  arm_slice_timer();
  for (auto &worker : workers) {
    const Task *running = worker->current();
    if (running == nullptr || !may_run_on(task, worker->index())) continue;
    if (running->vruntime > task.vruntime + kWakeupLead) return worker->preempt();
  }
}

void Scheduler::State::arm_slice_timer() {
  if (slice_timer_armed) return;
  slice_timer_armed = true;
  slice_timer.expires_after(kSlice);
  slice_timer.async_wait([this](const boost::system::error_code &error) {
    if (!error) on_slice_end();
  });
}

void Scheduler::State::on_slice_end() {
  LockGuard guard(kernel.mutex);
  slice_timer_armed = false;
  if (runnable.empty() || stopping) return;
  const auto now = Clock::now();
  for (auto &worker : workers) {
    if (worker->current() != nullptr && now - worker->slice_begin() >= kSlice) worker->preempt();
  }
  arm_slice_timer();
}

void Scheduler::State::wake(Task &task, Wake why) {
  if (task.queue != nullptr) task.queue->remove(task);
  if (task.wake == Wake::None) task.wake = why; // the first reason counts
  if (task.state != TaskState::Parked) return;  // posted: park() or the next turn sees it
  if (task.wait) reactor.forget(task, *task.wait);
  if (task.process().stop_signal != 0 && !task.exiting) {
    task.state = TaskState::Stopped;
    return;
  }
  enqueue(task);
}

void Scheduler::State::kick(Task &task) {
  if (task.state == TaskState::Running && task.cpu >= 0) workers[std::size_t(task.cpu)]->kick();
}

void Scheduler::State::stop_all() {
  LockGuard guard(kernel.mutex);
  for (auto &worker : workers) {
    worker->notify();
    worker->kick();
  }
}

Scheduler::Scheduler(Kernel &kernel) : state_(std::make_unique<State>(kernel)) {}
Scheduler::~Scheduler() = default;

void Scheduler::enqueue(Task &task) { state_->enqueue(task); }
void Scheduler::wake(Task &task, Wake why) { state_->wake(task, why); }
void Scheduler::kick(Task &task) { state_->kick(task); }

void Scheduler::interrupt(Task &task) {
  switch (task.state) {
  case TaskState::Parked:
    if (task.wait && task.wait->on_signal == WaitFor::OnSignal::Killable) return;
    return state_->wake(task, Wake::Signal);
  case TaskState::Running: return state_->kick(task);
  case TaskState::Runnable:
  case TaskState::Stopped:
  case TaskState::Dead: return; // it sees the signal before it runs user code
  }
}

void Scheduler::resume(Task &task) {
  if (task.state == TaskState::Stopped) state_->enqueue(task);
}

void Scheduler::yield(Task &task) {
  task.vruntime = std::max(task.vruntime, state_->runnable.greatest());
  if (task.cpu >= 0) state_->workers[std::size_t(task.cpu)]->preempt();
}

void Scheduler::kill(Task &task) {
  switch (task.state) {
  case TaskState::Parked: return state_->wake(task, Wake::Signal);
  case TaskState::Stopped: return state_->enqueue(task);
  case TaskState::Running: return state_->kick(task);
  case TaskState::Runnable:
  case TaskState::Dead: return;
  }
}

void Scheduler::run() {
  auto work = boost::asio::make_work_guard(state_->kernel.io());
  for (auto &worker : state_->workers) worker->start();
  state_->kernel.io().run();
  state_->stop_all(); // again, for a worker that fell asleep while the loop ended
  for (auto &worker : state_->workers) worker->join();
}

void Scheduler::stop() {
  state_->stopping = true;
  // The caller may hold Kernel::mutex; the event loop does not.
  boost::asio::post(state_->kernel.io(), [this] {
    state_->stop_all();
    state_->kernel.io().stop();
  });
}

} // namespace pagoda::kernel
