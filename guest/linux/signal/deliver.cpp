#include "guest/linux/signal/deliver.hpp"

#include <utility>

#include "guest/linux/lifecycle/end.hpp"
#include "guest/linux/signal/frame.hpp"
#include "guest/linux/signal/job_control.hpp"
#include "guest/linux/signal/mask.hpp"
#include "guest/linux/signal/pending.hpp"
#include "guest/linux/signal/send.hpp"
#include "guest/linux/syscall/dispatch.hpp"

namespace pagoda::kernel {
namespace {

// What is to be done about a signal that was taken from the queue.
struct Decision {
  enum class Kind : std::uint8_t { Nothing, Fatal, Handler } kind = Kind::Nothing;
  SignalInfo info{};
  SignalAction action;
  SignalSet saved_mask = 0; // what the frame is to restore
};

Decision take_and_decide(Kernel &kernel, Task &task) {
  LockGuard guard(kernel.mutex);
  Process &process = task.process();
  const auto info = take_signal(task, ~task.signals.blocked);
  if (!info) return {};
  const int signal = info->si_signo;
  SignalAction &action = process.actions->of[std::size_t(signal)];
  if (is_ignored(process, signal)) return {};
  if (is_fatal(process, signal)) return {Decision::Kind::Fatal, *info, {}, 0};
  if (action.handler == kHandlerDefault) {
    stop_process(kernel, process, signal);
    return {};
  }
  Decision decision{Decision::Kind::Handler, *info, action, task.signals.restore.value_or(task.signals.blocked)};
  if ((action.flags & SA_RESETHAND) != 0) action.handler = kHandlerDefault;
  return decision;
}

void trace(Kernel &kernel, const Task &task, const Decision &decision) {
  Tracer *tracer = kernel.options().tracer;
  if (tracer == nullptr || decision.kind == Decision::Kind::Nothing) return;
  tracer->signal(task, decision.info.si_signo, decision.kind == Decision::Kind::Handler, kernel.now_ns());
}

void end_by_signal(Kernel &kernel, Task &task, const SignalInfo &info) {
  Process &process = task.process();
  if (default_action(info.si_signo) == DefaultAction::Core && kernel.options().on_crash) {
    kernel.options().on_crash(Crash{process, task, info, task.registers});
  }
  LockGuard guard(kernel.mutex);
  begin_group_exit(kernel, process, info.si_signo);
}

void settle_interrupted_call(Task &task, const SignalAction &action) {
  if (!std::exchange(task.restart_call, false)) return;
  if ((action.flags & SA_RESTART) != 0)
    restart_system_call(task);
  else
    interrupt_system_call(task);
}

void run_handler(Kernel &kernel, Task &task, const Decision &decision) {
  settle_interrupted_call(task, decision.action);
  task.interrupted = false;
  const bool entered = enter_handler(kernel, task, decision.info, decision.action, decision.saved_mask);
  LockGuard guard(kernel.mutex);
  task.signals.restore.reset();
  if (!entered) return refuse_handler(kernel, task, decision.info.si_signo);
  SignalSet blocked = task.signals.blocked | decision.action.mask;
  if ((decision.action.flags & SA_NODEFER) == 0) blocked |= signal_bit(decision.info.si_signo);
  set_blocked(kernel, task, blocked);
}

} // namespace

void refuse_handler(Kernel &kernel, Task &task, int signal) {
  // A SIGSEGV whose handler has no stack to run on is the end; any other signal becomes SIGSEGV.
  if (signal == SIGSEGV) task.process().actions->of[SIGSEGV] = SignalAction{};
  force_signal(kernel, task, signal_info(SIGSEGV, SI_KERNEL));
}

void deliver_signal(Kernel &kernel, Task &task) {
  const Decision decision = take_and_decide(kernel, task);
  trace(kernel, task, decision);
  switch (decision.kind) {
  case Decision::Kind::Nothing: return;
  case Decision::Kind::Fatal: return end_by_signal(kernel, task, decision.info);
  case Decision::Kind::Handler: return run_handler(kernel, task, decision);
  }
}

} // namespace pagoda::kernel
