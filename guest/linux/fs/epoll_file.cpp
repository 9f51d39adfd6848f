#include "guest/linux/fs/epoll_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace pagoda::kernel {

void EpollFile::forget_closed() {
  std::erase_if(registrations_, [&](auto &entry) {
    if (!entry.second.file.expired()) return false;
    // The description lives on in the duplicate alone: take it out before that closes.
    if (entry.second.duplicate.valid()) ::epoll_ctl(host_fd(), EPOLL_CTL_DEL, entry.second.host_fd, nullptr);
    return true;
  });
}

int EpollFile::add(const Key &key, const std::shared_ptr<File> &file, epoll_event *event) {
  if (registrations_.contains(key)) return -EEXIST;
  Registration made;
  made.file = file;
  made.host_fd = file->poll_fd();
  bool taken = std::ranges::any_of(registrations_, [&](auto &entry) { return entry.second.host_fd == made.host_fd; });
  if (taken) {
    made.duplicate.reset(::fcntl(made.host_fd, F_DUPFD_CLOEXEC, 3));
    if (!made.duplicate.valid()) return -errno;
    made.host_fd = made.duplicate.get();
  }
  if (::epoll_ctl(host_fd(), EPOLL_CTL_ADD, made.host_fd, event) != 0) return -errno;
  registrations_.emplace(key, std::move(made));
  return 0;
}

int EpollFile::control(int operation, int guest_fd, const std::shared_ptr<File> &file, epoll_event *event) {
  if (file->poll_fd() < 0) return -EPERM; // what is always ready cannot be waited for
  LockGuard lock(mutex_);
  forget_closed();
  Key key{file.get(), guest_fd};
  if (operation == EPOLL_CTL_ADD) return add(key, file, event);
  auto found = registrations_.find(key);
  if (operation != EPOLL_CTL_MOD && operation != EPOLL_CTL_DEL) return -EINVAL;
  if (found == registrations_.end()) return -ENOENT;
  if (::epoll_ctl(host_fd(), operation, found->second.host_fd, event) != 0) return -errno;
  if (operation == EPOLL_CTL_DEL) registrations_.erase(found);
  return 0;
}

int EpollFile::collect(std::span<epoll_event> events) {
  {
    LockGuard lock(mutex_);
    forget_closed();
  }
  int n = ::epoll_wait(host_fd(), events.data(), int(events.size()), 0);
  return n < 0 ? -errno : n;
}

} // namespace pagoda::kernel
