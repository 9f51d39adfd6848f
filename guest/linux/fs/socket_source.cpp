#include "guest/linux/fs/socket_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// The C library's own name for clone(2): ThreadSanitizer replaces the other one by its notion of a
// fork, which a child that shares our memory is not.
extern "C" int __clone(int (*function)(void *), void *stack, int flags, void *argument,
                       ...); // NOLINT(*-reserved-identifier)

namespace pagoda::kernel {
namespace {

struct Order {
  std::int32_t family = 0, type = 0, protocol = 0;
  std::int32_t count = 1; // 2: a connected pair
};

// A reply: an errno, or 0 with the socket or sockets in a control message.
using Sockets = std::array<int, 2>;
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(Sockets))];
};

// ---- in the child ----
//
// It shares this process's memory, so that a guest's RAM is not copied on write for its sake, but it
// is a process of its own with its own descriptors. It runs on a stack of its own beside threads that
// know nothing of it: no C library, no thread-local data (errno), every signal blocked.

#define PAGODA_ALONE __attribute__((no_sanitize("address", "thread", "undefined"), no_stack_protector))

PAGODA_ALONE inline long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result = 0;
  register long fourth asm("r10") = d;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return result;
}

PAGODA_ALONE long raise_loopback() {
  long fd = raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  long result = raw(SYS_ioctl, fd, SIOCSIFFLAGS, reinterpret_cast<long>(&request));
  raw(SYS_close, fd);
  return result;
}

PAGODA_ALONE bool reply(long channel, std::int32_t error, const int *sockets, unsigned count) {
  iovec piece{&error, sizeof error};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (count > 0) {
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
    for (unsigned i = 0; i < count; ++i) reinterpret_cast<int *>(control.bytes + CMSG_LEN(0))[i] = sockets[i];
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  }
  return raw(SYS_sendmsg, channel, reinterpret_cast<long>(&message), MSG_NOSIGNAL) > 0;
}

PAGODA_ALONE bool carry_out(long channel, const Order &order) {
  int sockets[2] = {-1, -1};
  long type = order.type | SOCK_CLOEXEC | SOCK_NONBLOCK, result = 0;
  if (order.count == 2) {
    result = raw(SYS_socketpair, order.family, type, order.protocol, reinterpret_cast<long>(sockets));
  } else {
    result = raw(SYS_socket, order.family, type, order.protocol);
    sockets[0] = int(result);
  }
  bool sent = reply(channel, result < 0 ? std::int32_t(-result) : 0, sockets, result < 0 ? 0 : unsigned(order.count));
  for (int socket : sockets) {
    if (socket >= 0) raw(SYS_close, socket);
  }
  return sent;
}

PAGODA_ALONE int serve(void *argument) {
  // Ctrl-C on the terminal is the guest's business; this process ends with its channel.
  raw(SYS_setsid);
  // Nothing else of the parent's stays open here: a pipe held by us would never end for its reader.
  constexpr long kChannel = 3;
  long given = *static_cast<int *>(argument);
  if (given != kChannel) raw(SYS_dup3, given, kChannel, O_CLOEXEC);
  raw(SYS_close_range, kChannel + 1, 0xffffffffL, 0);
  for (long fd = 0; fd < kChannel; ++fd) raw(SYS_close, fd);
  long ready = raise_loopback();
  bool going = reply(kChannel, ready < 0 ? std::int32_t(-ready) : 0, nullptr, 0) && ready >= 0;
  while (going) {
    Order order;
    if (raw(SYS_read, kChannel, reinterpret_cast<long>(&order), sizeof order) != long(sizeof order)) break;
    going = carry_out(kChannel, order);
  }
  raw(SYS_exit_group, 0);
  return 0;
}

// ---- in the parent ----

// 0 with what was sent in `sockets`, an errno of the broker's, or EPIPE when it is gone.
int receive(int channel, Sockets &sockets) {
  std::int32_t error = 0;
  iovec piece{&error, sizeof error};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n = 0;
  do n = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n != sizeof error) return EPIPE;
  cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(sockets.data(), CMSG_DATA(header), std::min(sizeof sockets, header->cmsg_len - CMSG_LEN(0)));
  }
  return error;
}

// A process with its own network, sharing memory; without privilege in its own user namespace.
pid_t start_child(void *stack_top, int *channel) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t child = __clone(serve, stack_top, CLONE_VM | CLONE_NEWNET, channel);
  if (child < 0 && errno == EPERM) {
    child = __clone(serve, stack_top, CLONE_VM | CLONE_NEWUSER | CLONE_NEWNET, channel);
  }
  int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return child;
}

} // namespace

SocketSource::~SocketSource() {
  if (child_ > 0) {
    channel_.reset();
    ::kill(child_, SIGKILL);
    while (::waitpid(child_, nullptr, __WALL) < 0 && errno == EINTR) {}
  }
  if (stack_ != nullptr) ::munmap(stack_, kStackBytes);
}

int SocketSource::start() {
  if (channel_.valid() || failure_ != 0) return failure_;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return failure_ = errno;
  UniqueFd mine(ends[0]), its(ends[1]);
  void *stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return failure_ = errno;
  stack_ = stack;
  int channel = its.get();
  child_ = start_child(static_cast<char *>(stack) + kStackBytes, &channel);
  if (child_ < 0) return failure_ = errno;
  its.reset(); // the child has its own; but it reads `channel`, which lives until it has answered
  Sockets none{-1, -1};
  if (int error = receive(mine.get(), none); error != 0) return failure_ = error;
  channel_ = std::move(mine);
  return 0;
}

int SocketSource::order(int family, int type, int protocol, int count, std::array<int, 2> &sockets) {
  LockGuard lock(mutex_);
  // No namespace to be had here (a container without user namespaces): as if no protocol were built in.
  if (start() != 0) return -EAFNOSUPPORT;
  Order order{family, type, protocol, count};
  ssize_t n = ::send(channel_.get(), &order, sizeof order, MSG_NOSIGNAL);
  int error = n == ssize_t(sizeof order) ? receive(channel_.get(), sockets) : EPIPE;
  if (error == EPIPE) {
    channel_.reset();
    failure_ = EPIPE;
    return -EAFNOSUPPORT;
  }
  if (error != 0) return -error;
  // Out of descriptors here: the host left the control message out.
  for (int i = 0; i < count; ++i) {
    if (sockets[std::size_t(i)] < 0) return -EMFILE;
  }
  return 0;
}

int SocketSource::create(bool of_host, int family, int type, int protocol) {
  if (of_host) {
    int fd = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    return fd < 0 ? -errno : fd;
  }
  Sockets sockets{-1, -1};
  int error = order(family, type, protocol, 1, sockets);
  return error != 0 ? error : sockets[0];
}

int SocketSource::create_pair(bool of_host, int type, int protocol, std::array<int, 2> &sockets) {
  if (!of_host) return order(AF_UNIX, type, protocol, 2, sockets);
  return ::socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol, sockets.data()) == 0 ? 0 : -errno;
}

} // namespace pagoda::kernel
