// An epoll instance over a host epoll descriptor.
//
// The host tells registrations apart by its own descriptor, a guest by (file, guest descriptor): two
// guest descriptors of one file would collide, so a further registration of the same host descriptor
// goes through a duplicate of it. A registration ends with the last descriptor of its file, as on
// Linux: this object holds no file alive, and gives its duplicates up once the file is gone.
#pragma once

#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/epoll.h>

#include "guest/linux/fs/host_file.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class EpollFile final : public HostFile {
public:
  explicit EpollFile(UniqueFd fd) : HostFile(std::move(fd), FileKind::Epoll, "anon_inode:[eventpoll]", O_RDWR) {}

  std::int64_t read(std::span<const iovec>, std::optional<std::uint64_t>) override { return -EINVAL; }
  std::int64_t write(std::span<const iovec>, std::optional<std::uint64_t>) override { return -EINVAL; }
  std::int64_t seek(std::int64_t, int) override { return -ESPIPE; }

  // epoll_ctl; 0 or a negative errno.
  int control(int operation, int guest_fd, const std::shared_ptr<File> &file, epoll_event *event);
  // epoll_wait without waiting.
  int collect(std::span<epoll_event> events);

private:
  struct Registration {
    std::weak_ptr<File> file;
    int host_fd = -1;
    UniqueFd duplicate; // holds host_fd when it is not the file's own
  };
  using Key = std::pair<const File *, int>;
  void forget_closed() PAGODA_REQUIRES(mutex_);
  int add(const Key &key, const std::shared_ptr<File> &file, epoll_event *event) PAGODA_REQUIRES(mutex_);

  Mutex mutex_;
  std::map<Key, Registration> registrations_ PAGODA_GUARDED_BY(mutex_);
};

} // namespace pagoda::kernel
