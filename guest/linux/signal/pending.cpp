#include "guest/linux/signal/pending.hpp"

#include <algorithm>
#include <bit>

namespace pagoda::kernel {
namespace {

constexpr SignalSet kFaultSignals = signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGILL) |
                                    signal_bit(SIGTRAP) | signal_bit(SIGFPE) | signal_bit(SIGSYS);

int next_signal(SignalSet set) {
  if (const SignalSet faults = set & kFaultSignals; faults != 0) set = faults;
  return std::countr_zero(set) + 1;
}

std::optional<SignalInfo> take_from(PendingSignals &pending, SignalSet allowed) {
  const SignalSet set = pending.set & allowed;
  if (set == 0) return std::nullopt;
  const int signal = next_signal(set);
  SignalInfo info{};
  info.si_signo = signal;
  info.si_code = SI_USER; // a real-time signal whose details did not fit the queue
  const auto is_it = [&](const SignalInfo &queued) { return queued.si_signo == signal; };
  if (auto it = std::ranges::find_if(pending.queue, is_it); it != pending.queue.end()) {
    info = *it;
    pending.queue.erase(it);
  }
  if (std::ranges::none_of(pending.queue, is_it)) pending.set &= ~signal_bit(signal);
  return info;
}

} // namespace

DefaultAction default_action(int signal) {
  switch (signal) {
  case SIGCHLD:
  case SIGURG:
  case SIGWINCH: return DefaultAction::Ignore;
  case SIGCONT: return DefaultAction::Continue;
  case SIGSTOP:
  case SIGTSTP:
  case SIGTTIN:
  case SIGTTOU: return DefaultAction::Stop;
  case SIGQUIT:
  case SIGILL:
  case SIGTRAP:
  case SIGABRT:
  case SIGFPE:
  case SIGSEGV:
  case SIGBUS:
  case SIGSYS:
  case SIGXCPU:
  case SIGXFSZ: return DefaultAction::Core;
  default: return DefaultAction::Terminate;
  }
}

const SignalAction &action_of(const Process &process, int signal) {
  static const SignalAction none{};
  return process.actions ? process.actions->of[std::size_t(signal)] : none;
}

bool is_ignored(const Process &process, int signal) {
  const SignalAction &action = action_of(process, signal);
  if (action.handler == kHandlerIgnore) return true;
  const DefaultAction by_default = default_action(signal);
  return action.handler == kHandlerDefault &&
         (by_default == DefaultAction::Ignore || by_default == DefaultAction::Continue);
}

bool is_fatal(const Process &process, int signal) {
  if (signal == SIGKILL) return true;
  const DefaultAction by_default = default_action(signal);
  return action_of(process, signal).handler == kHandlerDefault &&
         (by_default == DefaultAction::Terminate || by_default == DefaultAction::Core);
}

bool queue_signal(PendingSignals &pending, const SignalInfo &info) {
  const SignalSet bit = signal_bit(info.si_signo);
  if (info.si_signo < kFirstRealTime && (pending.set & bit) != 0) return true;
  pending.set |= bit;
  if (pending.queue.size() >= kMaxQueued) return info.si_signo < kFirstRealTime;
  pending.queue.push_back(info);
  return true;
}

void discard_signals(PendingSignals &pending, SignalSet signals) {
  pending.set &= ~signals;
  std::erase_if(pending.queue, [&](const SignalInfo &info) { return (signal_bit(info.si_signo) & signals) != 0; });
}

SignalSet deliverable(const Task &task) {
  return (task.signals.pending.set | task.process().signals.pending.set) & ~task.signals.blocked;
}

std::optional<SignalInfo> take_signal(Task &task, SignalSet allowed) {
  if (auto info = take_from(task.signals.pending, allowed)) return info;
  return take_from(task.process().signals.pending, allowed);
}

} // namespace pagoda::kernel
