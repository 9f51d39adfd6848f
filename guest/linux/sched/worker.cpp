#include "guest/linux/sched/worker.hpp"

#include <utility>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/signal/deliver.hpp"
#include "guest/linux/signal/job_control.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/syscall/dispatch.hpp"
#include "guest/linux/trap/trap.hpp"
#include "mmu/space/task_policy.hpp"

namespace pagoda::kernel {
namespace {

std::uint64_t ns_between(Clock::time_point begin, Clock::time_point end) {
  return std::uint64_t(std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count());
}

} // namespace

void Worker::start() {
  thread_ = std::thread([this] { loop(); });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::notify() {
  idle_ = false;
  wake_up_.notify_one();
}

void Worker::kick() {
  if (in_guest_) cpu_.kick(); // anywhere else the task passes decide() before it enters the guest
}

void Worker::preempt() {
  make_room_ = true;
  kick();
}

void Worker::loop() {
  cpu_.adopt_thread();
  phys::set_local_node(kernel_.platform().memory.topology().node_of_cpu(unsigned(index_)));
  while (Task *task = take_task()) run_task(*task);
}

Task *Worker::take_task() PAGODA_NO_THREAD_SAFETY_ANALYSIS {
  std::unique_lock lock(kernel_.mutex);
  for (;;) {
    if (state_.stopping) return nullptr;
    if (Task *task = state_.runnable.first_for(index_)) {
      state_.runnable.remove(*task);
      if (task->cpu != index_ || current_ != task) kernel_.statistics().context_switches++;
      task->state = TaskState::Running;
      task->cpu = index_;
      task->last_cpu = index_;
      current_ = task;
      space::set_task_policy(task->policy);
      make_room_ = false;
      host_since_ = slice_begin_ = Clock::now();
      return task;
    }
    idle_ = true;
    while (idle_ && !state_.stopping) wake_up_.wait(lock);
    idle_ = false;
  }
}

void Worker::run_task(Task &task) {
  for (;;) {
    switch (decide(task)) {
    case Next::Run:
      enter_guest(task);
      if (!handle(task, exit_)) return;
      break;
    case Next::Call:
      if (!system_call(task, woken_)) return;
      break;
    case Next::Deliver: deliver_signal(kernel_, task); break;
    case Next::End: return end(task);
    case Next::Migrate: return migrate(task);
    case Next::Drop: return;
    }
  }
}

Worker::Next Worker::decide(Task &task) {
  charge_host_time();
  LockGuard guard(kernel_.mutex);
  return decide_locked(task);
}

Worker::Next Worker::decide_locked(Task &task) {
  account(task);
  if (state_.stopping) {
    leave(task, TaskState::Stopped);
    return Next::Drop;
  }
  if (task.exiting) return Next::End;
  if (task.process().stop_signal != 0) {
    leave(task, TaskState::Stopped);
    announce_stop(kernel_, task.process());
    return Next::Drop;
  }
  if (((task.affinity >> (unsigned(index_) & 63)) & 1) == 0) return Next::Migrate;
  if (make_room_ && state_.runnable.first_for(index_) != nullptr) {
    kernel_.statistics().preemptions++;
    task.involuntary_switches++;
    leave(task, TaskState::Runnable);
    state_.enqueue(task);
    return Next::Drop;
  }
  if (task.in_call) {
    const Next next = decide_parked_call(task);
    if (next != Next::Run) return next;
  }
  // A temporary mask (sigsuspend, ppoll) ends with the call, unless a handler is to run under it.
  if (task.signals.restore && !task.interrupted) task.signals.blocked = *std::exchange(task.signals.restore, {});
  if (deliverable(task) != 0) return Next::Deliver;
  if (task.signals.restore) {
    task.signals.blocked = *std::exchange(task.signals.restore, {});
    if (deliverable(task) != 0) return Next::Deliver;
  }
  task.interrupted = false;
  if (std::exchange(task.restart_call, false)) restart_system_call(task);
  task.wake = Wake::None;
  if (task.queue != nullptr) task.queue->remove(task);
  in_guest_ = true;
  return Next::Run;
}

// Run: the call is over, settled by the signal that is about to be delivered.
Worker::Next Worker::decide_parked_call(Task &task) {
  woken_ = std::exchange(task.wake, Wake::None);
  // No reason, or a signal that another thread has taken meanwhile: the handler checks its condition.
  if (woken_ == Wake::None || (woken_ == Wake::Signal && deliverable(task) == 0)) woken_ = Wake::Ready;
  if (woken_ != Wake::Signal || task.wait->on_signal != WaitFor::OnSignal::Restart) return Next::Call;
  abandon_system_call(kernel_, task);
  return Next::Run;
}

void Worker::migrate(Task &task) {
  if (fpu_owner_ == &task) release_fpu();
  LockGuard guard(kernel_.mutex);
  leave(task, TaskState::Runnable);
  state_.enqueue(task);
}

void Worker::leave(Task &task, TaskState as) {
  task.state = as;
  task.cpu = -1;
  current_ = nullptr;
  // Its state in memory is the newer one: it may run anywhere, so nothing may point at it from here.
  if (fpu_owner_ == &task && !task.fpu_on_cpu) fpu_owner_ = nullptr;
}

void Worker::account(Task &task) {
  task.user_ns += guest_ns_;
  task.system_ns += host_ns_;
  task.vruntime += weighted(guest_ns_ + host_ns_, task.nice);
  kernel_.statistics().guest_ns += guest_ns_;
  kernel_.statistics().host_ns += host_ns_;
  if (unsigned(index_) < kCountedCpus) {
    kernel_.statistics().cpu_guest_ns[unsigned(index_)] += guest_ns_;
    kernel_.statistics().cpu_host_ns[unsigned(index_)] += host_ns_;
  }
  guest_ns_ = host_ns_ = 0;
  state_.runnable.advance(task.vruntime);
}

void Worker::charge_host_time() {
  const auto now = Clock::now();
  host_ns_ += ns_between(host_since_, now);
  host_since_ = now;
}

void Worker::enter_guest(Task &task) {
  load_fpu(task);
  const Process &process = task.process();
  const RunTarget target{process.space->root(), process.pid(), task.tid()};
  charge_host_time();
  exit_ = cpu_.run(task.registers, target);
  in_guest_ = false;
  host_since_ = Clock::now();
  guest_ns_ += exit_.guest_ns;
}

bool Worker::handle(Task &task, const VmExit &exit) {
  kernel_.statistics().exits[std::size_t(exit.kind)]++;
  if (Tracer *tracer = kernel_.options().tracer; tracer != nullptr && tracer->wants_exits()) {
    tracer->exit(task, exit, kernel_.now_ns());
  }
  switch (exit.kind) {
  case VmExit::Kind::SystemCall: begin_system_call(kernel_, task); return system_call(task, Wake::None);
  case VmExit::Kind::PageFault: handle_page_fault(kernel_, task, exit); return true;
  case VmExit::Kind::Exception: handle_exception(kernel_, task, exit); return true;
  case VmExit::Kind::Kicked: return true;
  case VmExit::Kind::Failure: {
    LockGuard guard(kernel_.mutex);
    kernel_.fail("the virtual CPU stopped: " + std::string(exit.failure));
    return true;
  }
  }
  return true;
}

bool Worker::system_call(Task &task, Wake woken) {
  std::optional<WaitFor> wait = invoke_system_call(kernel_, task, woken);
  return !wait || !park(task, std::move(*wait));
}

bool Worker::park(Task &task, WaitFor wait) {
  charge_host_time();
  LockGuard guard(kernel_.mutex);
  const bool killable = wait.on_signal == WaitFor::OnSignal::Killable;
  if (task.wake == Wake::None && (task.exiting || (!killable && deliverable(task) != 0))) task.wake = Wake::Signal;
  task.wait = std::move(wait);
  const bool must_wait = task.wake == Wake::None && !state_.stopping && state_.reactor.watch(task, *task.wait);
  if (!must_wait) {
    if (task.queue != nullptr) task.queue->remove(task);
    return false;
  }
  account(task);
  task.voluntary_switches++;
  leave(task, TaskState::Parked);
  announce_stop(kernel_, task.process());
  return true;
}

void Worker::end(Task &task) {
  {
    LockGuard guard(kernel_.mutex);
    current_ = nullptr;
    task.fpu_on_cpu = false;
    if (fpu_owner_ == &task) fpu_owner_ = nullptr;
  }
  end_task(kernel_, task); // `task` does not exist any more
}

void Worker::load_fpu(Task &task) {
  if (fpu_owner_ == &task && task.fpu_on_cpu) return;
  if (fpu_owner_ != &task) release_fpu();
  cpu_.load_fpu(*task.fpu);
  LockGuard guard(kernel_.mutex);
  fpu_owner_ = &task;
  task.fpu_on_cpu = true;
}

void Worker::release_fpu() {
  if (fpu_owner_ == nullptr) return;
  Task &owner = *fpu_owner_; // bound to this vCPU: nobody else runs or ends it
  if (owner.fpu_on_cpu) cpu_.save_fpu(*owner.fpu);
  LockGuard guard(kernel_.mutex);
  owner.fpu_on_cpu = false;
  fpu_owner_ = nullptr;
  if (owner.state == TaskState::Runnable) state_.offer(owner); // other vCPUs may take it now
}

} // namespace pagoda::kernel
