#include "tools/pagoda/session/watcher.hpp"

#include <array>
#include <cstdint>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace pagoda::tools {
namespace {

constexpr std::array kForwarded{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2};

bool ignored(int signal) {
  struct sigaction action{};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

} // namespace

Watcher::Watcher() {
  sigemptyset(&forwarded_);
  for (const int signal : kForwarded)
    if (!ignored(signal)) sigaddset(&forwarded_, signal);
  ::pthread_sigmask(SIG_BLOCK, &forwarded_, &old_mask_);
  signal_fd_ = ::signalfd(-1, &forwarded_, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC);
}

Watcher::~Watcher() {
  stop();
  if (signal_fd_ >= 0) ::close(signal_fd_);
  if (stop_fd_ >= 0) ::close(stop_fd_);
  ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

void Watcher::start(GuestControl guest, std::optional<std::chrono::nanoseconds> timeout) {
  guest_ = std::move(guest);
  if (timeout) deadline_ = Clock::now() + *timeout;
  thread_ = std::thread([this] { loop(); });
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  while (::write(stop_fd_, &one, sizeof one) < 0) {}
  thread_.join();
}

void Watcher::loop() {
  while (true) {
    std::array<pollfd, 2> fds{{{signal_fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), milliseconds_left());
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    while (::read(signal_fd_, &info, sizeof info) == ssize_t(sizeof info)) handle(int(info.ssi_signo));
    if (deadline_ && Clock::now() >= *deadline_) deadline_passed();
  }
}

int Watcher::milliseconds_left() const {
  if (!deadline_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now()).count();
  if (left <= 0) return 0;
  return left > 1'000'000 ? 1'000'000 : int(left);
}

void Watcher::handle(int signal) {
  if (signal == SIGINT) return handle_interrupt();
  guest_.signal_foreground(signal);
  if (signal == SIGTSTP) follow_stop();
}

void Watcher::handle_interrupt() {
  const auto now = Clock::now();
  if (last_interrupt_ && now - *last_interrupt_ <= kTwice) {
    killed_by_ = SIGINT;
    guest_.kill_all("interrupted twice");
    return;
  }
  last_interrupt_ = now;
  guest_.signal_foreground(SIGINT);
}

// When the program itself stopped, stop too, so that the shell gets its terminal back. A shell inside
// the guest that only lost a child to Ctrl-Z goes on, and so do we.
void Watcher::follow_stop() {
  for (int i = 0; i < 20; ++i) {
    if (guest_.init_stopped()) {
      ::kill(::getpid(), SIGSTOP);
      return; // continued: SIGCONT is pending in the descriptor and is forwarded next
    }
    ::usleep(10'000);
  }
}

void Watcher::deadline_passed() {
  if (!terminated_) {
    timed_out_ = terminated_ = true;
    guest_.signal_foreground(SIGTERM);
    deadline_ = Clock::now() + kGrace;
    return;
  }
  deadline_.reset();
  guest_.kill_all("the time limit is over");
}

} // namespace pagoda::tools
