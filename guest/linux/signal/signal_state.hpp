// What a process and a task keep about signals (Linux's own numbers and layouts).
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <deque>
#include <optional>

namespace pagoda::kernel {

inline constexpr int kSignals = 64;
using SignalSet = std::uint64_t; // bit n-1 is signal n
constexpr SignalSet signal_bit(int signal) { return 1ull << (signal - 1); }

// struct sigaction as the kernel's rt_sigaction takes it.
struct SignalAction {
  std::uint64_t handler = 0; // SIG_DFL 0, SIG_IGN 1
  std::uint64_t flags = 0;
  std::uint64_t restorer = 0;
  SignalSet mask = 0;
};
static_assert(sizeof(SignalAction) == 32);

struct SignalActions {
  std::array<SignalAction, kSignals + 1> of{};
};

// siginfo_t, 128 bytes, with the host's layout.
using SignalInfo = siginfo_t;
static_assert(sizeof(SignalInfo) == 128);

struct PendingSignals {
  SignalSet set = 0;
  std::deque<SignalInfo> queue; // one per standard signal, several per real-time signal
};

struct SharedSignals {
  PendingSignals pending;
};

struct AlternateStack {
  std::uint64_t base = 0;
  std::uint64_t size = 0;
  std::uint32_t flags = 2; // SS_DISABLE
};

struct TaskSignals {
  SignalSet blocked = 0;
  std::optional<SignalSet> restore; // sigsuspend, ppoll: the mask to put back after the handler
  SignalSet awaited = 0;            // rt_sigtimedwait: wakes the task even while blocked
  PendingSignals pending;
  AlternateStack alternate;
};

} // namespace pagoda::kernel
