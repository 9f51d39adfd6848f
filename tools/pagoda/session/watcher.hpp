// Signals and time from outside: one thread that forwards what arrives at Pagoda to the guest's
// foreground group, stops with it, and ends it when --timeout is over.
//
// Construct it before any other thread exists: it blocks the forwarded signals, and threads inherit
// that. Signals that were ignored when Pagoda began (nohup) stay ignored.
#pragma once

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace pagoda::tools {

// What the watcher does to the guest; the kernel behind it, or a test's record.
struct GuestControl {
  std::function<void(int signal)> signal_foreground;
  std::function<void(std::string why)> kill_all;
  std::function<bool()> init_stopped; // by a stop signal
};

class Watcher {
public:
  Watcher();
  ~Watcher(); // stops, and restores the signal mask
  Watcher(const Watcher &) = delete;
  Watcher &operator=(const Watcher &) = delete;

  void start(GuestControl guest, std::optional<std::chrono::nanoseconds> timeout);
  void stop();
  [[nodiscard]] bool timed_out() const { return timed_out_; } // after stop()
  [[nodiscard]] int killed_by() const { return killed_by_; }  // 0, or the signal that came twice
  static constexpr std::chrono::seconds kGrace{1};            // from SIGTERM to the end
  static constexpr std::chrono::seconds kTwice{1};            // two Ctrl-C within it kill

private:
  using Clock = std::chrono::steady_clock;
  void loop();
  void handle(int signal);
  void handle_interrupt();
  void follow_stop();
  void deadline_passed();
  [[nodiscard]] int milliseconds_left() const;

  GuestControl guest_;
  sigset_t forwarded_{}, old_mask_{};
  int signal_fd_ = -1, stop_fd_ = -1;
  std::optional<Clock::time_point> deadline_;
  std::optional<Clock::time_point> last_interrupt_;
  bool timed_out_ = false, terminated_ = false;
  int killed_by_ = 0;
  std::thread thread_;
};

} // namespace pagoda::tools
