// What ends a park from outside the guest: deadlines and host descriptors, on Boost.Asio.
//
// Deadlines share one steady_timer; descriptors share one epoll set, whose readiness the event loop
// waits for. The set is our own because Asio would make every descriptor it watches non-blocking,
// and a guest's stdin is an open file description that the user's shell shares. Registrations are
// level-triggered and one-shot, so readiness that came before them is seen.
// Guarded by Kernel::mutex; the handlers take it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "guest/linux/sched/wait_queue.hpp"
#include "guest/linux/syscall/call.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class Task;

class Reactor {
public:
  // `wake` is called with `mutex` held when something that a watched task waits for has happened.
  using WakeTask = std::function<void(Task &, Wake)>;
  Reactor(boost::asio::io_context &io, Mutex &mutex, WakeTask wake);
  ~Reactor();
  Reactor(const Reactor &) = delete;
  Reactor &operator=(const Reactor &) = delete;

  // Starts watching; false when something is ready already (nothing is watched then).
  bool watch(Task &task, const WaitFor &wait);
  void forget(Task &task, const WaitFor &wait);

private:
  struct Interest {
    Task *task;
    std::uint32_t events;
  };
  bool add_descriptor(Task &task, int fd, std::uint32_t events);
  void remove_descriptor(Task &task, int fd);
  bool arm_descriptor(int fd, bool registered);
  void arm_timer();
  void on_timer();
  void on_ready();
  void wait_for_ready();

  Mutex &mutex_;
  WakeTask wake_;
  boost::asio::steady_timer timer_;
  std::multimap<Deadline, Task *> deadlines_;
  std::optional<Deadline> armed_; // what timer_ is set to
  boost::asio::posix::stream_descriptor ready_;
  int epoll_ = -1;
  std::unordered_map<int, std::vector<Interest>> interests_; // by host descriptor
};

} // namespace pagoda::kernel
