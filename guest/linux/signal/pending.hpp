// Queues of pending signals, what an action means, and which signals a task must act on.
//
// Source: signal(7), Linux kernel/signal.c as behaviour. A standard signal is pending at most once;
// real-time signals queue. Signals that a fault raised are delivered before all others, so that the
// handler sees the faulting instruction in its context. All with Kernel::mutex held.
#pragma once

#include <optional>

#include "guest/linux/process.hpp"
#include "guest/linux/signal/signal_state.hpp"
#include "guest/linux/task.hpp"

namespace pagoda::kernel {

inline constexpr std::uint64_t kHandlerDefault = 0;
inline constexpr std::uint64_t kHandlerIgnore = 1;
inline constexpr int kFirstRealTime = 32;
// A guest cannot make the host's queue grow without bound (RLIMIT_SIGPENDING's role).
inline constexpr std::size_t kMaxQueued = 4096;
inline constexpr SignalSet kUnblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);
inline constexpr SignalSet kStopSignals =
    signal_bit(SIGSTOP) | signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU);

enum class DefaultAction : std::uint8_t { Terminate, Core, Ignore, Stop, Continue };
[[nodiscard]] DefaultAction default_action(int signal);
[[nodiscard]] constexpr bool valid_signal(int signal) { return signal >= 1 && signal <= kSignals; }

[[nodiscard]] const SignalAction &action_of(const Process &process, int signal);
// By SIG_IGN, or by a default of ignoring.
[[nodiscard]] bool is_ignored(const Process &process, int signal);
// Nothing catches it and it ends the process.
[[nodiscard]] bool is_fatal(const Process &process, int signal);

// False when the queue is full (real-time signals only).
bool queue_signal(PendingSignals &pending, const SignalInfo &info);
void discard_signals(PendingSignals &pending, SignalSet signals);

// Signals that are pending for the task or its process, and not blocked.
[[nodiscard]] SignalSet deliverable(const Task &task);
// Takes the next signal out of those allowed: faults first, then the lowest number, the task's own
// before the process's.
std::optional<SignalInfo> take_signal(Task &task, SignalSet allowed);

} // namespace pagoda::kernel
