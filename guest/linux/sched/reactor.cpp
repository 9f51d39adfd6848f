#include "guest/linux/sched/reactor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <system_error>

#include "guest/linux/task.hpp"

namespace pagoda::kernel {
namespace {

std::uint32_t epoll_events(short poll_events) {
  std::uint32_t events = 0;
  if (poll_events & POLLIN) events |= EPOLLIN;
  if (poll_events & POLLOUT) events |= EPOLLOUT;
  if (poll_events & POLLPRI) events |= EPOLLPRI;
  if (poll_events & POLLRDHUP) events |= EPOLLRDHUP;
  return events;
}

constexpr std::uint32_t kAlwaysReported = EPOLLERR | EPOLLHUP;

} // namespace

Reactor::Reactor(boost::asio::io_context &io, Mutex &mutex, WakeTask wake)
    : mutex_(mutex), wake_(std::move(wake)), timer_(io), ready_(io), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  ready_.assign(epoll_); // owns it from here
  wait_for_ready();
}

Reactor::~Reactor() = default;

bool Reactor::watch(Task &task, const WaitFor &wait) {
  for (std::size_t i = 0; i < wait.fds.size(); ++i) {
    if (wait.fds[i].fd < 0) continue; // poll(2) ignores them too
    if (add_descriptor(task, wait.fds[i].fd, epoll_events(wait.fds[i].events))) continue;
    for (std::size_t undo = 0; undo < i; ++undo) remove_descriptor(task, wait.fds[undo].fd);
    return false;
  }
  if (wait.deadline) {
    deadlines_.emplace(*wait.deadline, &task);
    arm_timer();
  }
  return true;
}

void Reactor::forget(Task &task, const WaitFor &wait) {
  for (const auto &fd : wait.fds) remove_descriptor(task, fd.fd);
  if (!wait.deadline) return;
  auto [begin, end] = deadlines_.equal_range(*wait.deadline);
  auto it = std::find_if(begin, end, [&](const auto &entry) { return entry.second == &task; });
  if (it != end) deadlines_.erase(it); // the timer may fire for nothing; that costs less than re-arming
}

// False: the descriptor cannot be waited for (a regular file is always ready; a bad one is an error
// that the handler finds when it tries again).
bool Reactor::add_descriptor(Task &task, int fd, std::uint32_t events) {
  auto [it, fresh] = interests_.try_emplace(fd);
  it->second.push_back({&task, events});
  if (arm_descriptor(fd, !fresh)) return true;
  it->second.pop_back();
  if (it->second.empty()) interests_.erase(it);
  return false;
}

void Reactor::remove_descriptor(Task &task, int fd) {
  auto it = interests_.find(fd);
  if (it == interests_.end()) return;
  std::erase_if(it->second, [&](const Interest &interest) { return interest.task == &task; });
  if (!it->second.empty()) return;
  interests_.erase(it);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

// Asks for everything that anybody wants of the descriptor, once.
bool Reactor::arm_descriptor(int fd, bool registered) {
  epoll_event event{};
  event.events = EPOLLONESHOT;
  event.data.fd = fd;
  for (const Interest &interest : interests_[fd]) event.events |= interest.events;
  if (epoll_ctl(epoll_, registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) return true;
  // The number was closed and given out again since.
  if (registered && errno == ENOENT) return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
  return false;
}

void Reactor::arm_timer() {
  if (deadlines_.empty()) return;
  const Deadline first = deadlines_.begin()->first;
  if (armed_ && *armed_ <= first) return;
  armed_ = first;
  timer_.expires_at(first); // cancels the wait that was there
  timer_.async_wait([this](const boost::system::error_code &error) {
    if (!error) on_timer();
  });
}

void Reactor::on_timer() {
  LockGuard guard(mutex_);
  armed_.reset();
  const Deadline now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Task &task = *deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    wake_(task, Wake::Timeout);
  }
  arm_timer();
}

void Reactor::wait_for_ready() {
  ready_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code &error) {
    if (error) return;
    on_ready();
    wait_for_ready();
  });
}

void Reactor::on_ready() {
  std::array<epoll_event, 64> events;
  LockGuard guard(mutex_);
  const int count = epoll_wait(epoll_, events.data(), int(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[std::size_t(i)].data.fd;
    const std::uint32_t happened = events[std::size_t(i)].events;
    auto it = interests_.find(fd);
    if (it == interests_.end()) continue;
    const std::vector<Interest> interested = it->second; // waking changes the list
    for (const Interest &interest : interested) {
      if (happened & (interest.events | kAlwaysReported)) wake_(*interest.task, Wake::Ready);
    }
    if (interests_.contains(fd)) arm_descriptor(fd, true); // for those that wait for something else
  }
}

} // namespace pagoda::kernel
