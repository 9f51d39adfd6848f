// Where a guest's sockets come from.
//
// `--net none`: a small child process in a network namespace of its own makes them and hands them
// over, so they know nothing but each other and a loopback interface. It is started at the first
// socket and ends with this process: its only descriptor is the other end of our channel.
// `--net host`: the host's own.
#pragma once

#include <array>
#include <cstddef>
#include <sys/types.h>

#include "guest/linux/fs/unique_fd.hpp"
#include "mmu/base/lock.hpp"

namespace pagoda::kernel {

class SocketSource {
public:
  SocketSource() = default;
  ~SocketSource();
  SocketSource(const SocketSource &) = delete;
  SocketSource &operator=(const SocketSource &) = delete;

  // A non-blocking socket, or a negative errno.
  int create(bool of_host, int family, int type, int protocol);
  // Two connected unix sockets; 0 or a negative errno. They too could reach what else lives in their
  // namespace (a datagram to an abstract name), so they are not made here either.
  int create_pair(bool of_host, int type, int protocol, std::array<int, 2> &sockets);

private:
  static constexpr std::size_t kStackBytes = 64 * 1024;
  int order(int family, int type, int protocol, int count, std::array<int, 2> &sockets);
  int start() PAGODA_REQUIRES(mutex_);
  Mutex mutex_;
  UniqueFd channel_ PAGODA_GUARDED_BY(mutex_);
  pid_t child_ PAGODA_GUARDED_BY(mutex_) = -1;
  void *stack_ PAGODA_GUARDED_BY(mutex_) = nullptr; // the child's
  int failure_ PAGODA_GUARDED_BY(mutex_) = 0;       // why there is no broker
};

} // namespace pagoda::kernel
