#include "vmm/guest_gate.hpp"

#include <csignal>
#include <ctime>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagoda::vmm {
namespace {

int kick_signal() { return SIGRTMIN + 7; }

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Never runs, since the signal stays blocked; but a stray one must not end the process.
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(kick_signal(), &action, nullptr);
  });
}

} // namespace

std::uint64_t GuestGate::adopt_current_thread() {
  install_handler();
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, kick_signal());
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &mine, &before);
  thread_ = pid_t(::syscall(SYS_gettid));
  std::uint64_t inside = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal != kick_signal() && sigismember(&before, signal) == 1) inside |= 1ull << (signal - 1);
  }
  return inside;
}

GuestGate::Entry GuestGate::open(Gfn root) {
  Entry entry;
  root_ = root.number();
  in_guest_ = true;
  if (const std::uint64_t wanted = flush_wanted_; wanted != flush_done_) {
    flush_done_ = wanted;
    entry.flush = true;
  }
  entry.kicked = kick_pending_.exchange(false);
  return entry;
}

void GuestGate::close() {
  in_guest_ = false;
  departures_.fetch_add(1);
  departures_.notify_all();
}

void GuestGate::consume_signal() {
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, kick_signal());
  const timespec now{};
  (void)::sigtimedwait(&mine, nullptr, &now);
  signalled_ = false;
}

void GuestGate::interrupt() {
  if (!in_guest_ || signalled_.exchange(true)) return;
  if (::syscall(SYS_tgkill, ::getpid(), thread_.load(), kick_signal()) != 0) signalled_ = false;
}

void GuestGate::kick() {
  kick_pending_ = true;
  interrupt();
}

void GuestGate::flush_now() {
  constexpr int kSpins = 200;
  flush_wanted_.fetch_add(1);
  const std::uint32_t departure = departures_;
  for (int spin = 0; in_guest_ && departures_ == departure; ++spin) {
    interrupt();
    if (spin < kSpins)
      ::sched_yield();
    else
      departures_.wait(departure);
  }
}

void GuestGate::flush(Gfn root) {
  // A vCPU that loads `root` only after this look at it starts from the tables as they are now.
  if (root_ == root.number()) flush_now();
}

void GuestGate::flush_all() { flush_now(); }

} // namespace pagoda::vmm
