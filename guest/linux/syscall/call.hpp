// One system call in progress, and what a handler may answer.
//
// A handler runs on a vCPU's thread without locks held, and never blocks it. When it would have to
// wait it returns `park(...)`: the task sleeps, the vCPU runs another, and when the wait ends the
// same handler is called again with the same arguments and `call.woken` set: it re-checks its
// condition and completes, or parks again. State that must survive (a deadline, bytes already
// written) lives in `call.state`, which lasts from the first invocation to the result.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "guest/linux/sched/wait_queue.hpp"
#include "mmu/base/address.hpp"

namespace pagoda::kernel {

class Kernel;
class Process;
class Task;

using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC of the host, which is the guest's too
using Deadline = Clock::time_point;

// What ends a wait, beside a wake-up through the queue that the caller has joined (under Kernel::mutex;
// the scheduler takes the task out on any wake). Any of them; a signal that has to be handled always does.
struct WaitFor {
  struct HostFd {
    int fd = -1;      // stays open while parked; the caller keeps the file alive in call.state
    short events = 0; // POLLIN, POLLOUT, POLLPRI
  };
  std::vector<HostFd> fds;
  std::optional<Deadline> deadline;
  // How the call ends when a signal interrupts it (Linux's ERESTART codes). Restart: the handler is
  // not called again; it is repeated from the start under SA_RESTART, else the result is -EINTR.
  // Interrupt: the handler is called with woken == Signal and gives its own result. Killable: only
  // the end of the task ends the wait (vfork).
  enum class OnSignal : std::uint8_t { Restart, Interrupt, Killable } on_signal = OnSignal::Restart;
};

class [[nodiscard]] SysResult {
public:
  enum class Kind : std::uint8_t {
    Done,  // `value` goes to rax (negative errno on failure)
    Park,  // wait as `wait` says, then call the handler again
    Leave, // registers are already as they must be (sigreturn, execve), or the task is gone (exit)
  };
  // NOLINTNEXTLINE(google-explicit-constructor): handlers return plain counts
  SysResult(std::int64_t value) : value_(value) {}
  static SysResult error(int errno_value) { return {-std::int64_t(errno_value)}; }
  static SysResult park(WaitFor wait);
  static SysResult leave();

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::int64_t value() const { return value_; }
  [[nodiscard]] WaitFor &wait() { return *wait_; }

private:
  std::int64_t value_ = 0;
  Kind kind_ = Kind::Done;
  std::unique_ptr<WaitFor> wait_;
};

// Base of what a handler keeps between invocations.
struct CallState {
  virtual ~CallState() = default;
};

struct Call {
  Kernel &kernel;
  Process &process;
  Task &task;
  unsigned number = 0;
  std::array<std::uint64_t, 6> args{};
  Wake woken = Wake::None;           // None on the first invocation
  std::unique_ptr<CallState> &state; // owned by the task

  [[nodiscard]] std::uint64_t arg(unsigned i) const { return args[i]; }
  [[nodiscard]] int arg_int(unsigned i) const { return int(std::uint32_t(args[i])); }
  [[nodiscard]] unsigned arg_uint(unsigned i) const { return unsigned(std::uint32_t(args[i])); }
  [[nodiscard]] Gva arg_gva(unsigned i) const { return Gva(args[i]); }
  // The state of type S, made on the first call.
  template <class S> S &keep() {
    if (!state) state = std::make_unique<S>();
    return static_cast<S &>(*state);
  }
};

} // namespace pagoda::kernel
