// socket, socketpair, bind, listen, accept, connect, shutdown, getsockname, getpeername.
#include <poll.h>

#include "guest/linux/fs/fifo_open.hpp"
#include "guest/linux/fs/socket_source.hpp"
#include "guest/linux/syscall/sockets/address.hpp"
#include "guest/linux/syscall/sockets/handlers.hpp"
#include "guest/linux/syscall/sockets/support.hpp"

namespace pagoda::kernel::sockets {
namespace {

constexpr int kTypeMask = 0xf;

struct ConnectState : SocketState {
  bool in_progress = false;
  FifoWait backlog; // a full one gives no event
};

// Families that stay inside: others would reach the host's network set-up or its devices.
int refuse_family(int family, int type) {
  if (family == AF_PACKET) return EPERM;
  if (family != AF_UNIX && family != AF_INET && family != AF_INET6) return EAFNOSUPPORT;
  return family != AF_UNIX && type == SOCK_RAW ? EPERM : 0;
}

int status_flags(int type) { return O_RDWR | (type & SOCK_NONBLOCK); }

std::shared_ptr<SocketFile> wrap(const Call &call, int fd, int family, int type) {
  return std::make_shared<SocketFile>(UniqueFd(fd), family, type & kTypeMask, status_flags(type), call.process.pid());
}

SysResult accept_from(Call &call, int flags) {
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) return fail(EINVAL);
  auto listener = begin(call);
  if (!listener) return fail(listener.error());
  Address peer;
  peer.length = sizeof peer.storage;
  int fd = ::accept4((*listener)->host_fd(), peer.get(), &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 && (errno == EAGAIN || errno == EINTR)) return wait_or_again(call, POLLIN, false);
  if (fd < 0) return fail(errno);
  auto socket = wrap(call, fd, (*listener)->family(), (*listener)->type() | (flags & SOCK_NONBLOCK));
  if (call.arg(1) != 0) {
    if (int error = store_address(call, peer, call.arg_gva(1), call.arg_gva(2)); error != 0) return fail(error);
  }
  return files::install(call, std::move(socket), (flags & SOCK_CLOEXEC) != 0);
}

// The outcome of a connection that was under way.
SysResult connection_result(Call &call, ConnectState &state) {
  pollfd poll{state.socket->host_fd(), POLLOUT, 0};
  if (::poll(&poll, 1, 0) == 0) {
    if (call.woken == Wake::Signal) return fail(EINTR);
    return files::park_on(poll.fd, POLLOUT, WaitFor::OnSignal::Interrupt);
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(poll.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  return error == 0 ? SysResult(0) : fail(error);
}

using NameCall = int (*)(int, sockaddr *, socklen_t *);

SysResult give_name(Call &call, NameCall ask) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  Address address;
  address.length = sizeof address.storage;
  if (ask((*socket)->host_fd(), address.get(), &address.length) != 0) return fail(errno);
  int error = store_address(call, address, call.arg_gva(1), call.arg_gva(2));
  return error == 0 ? SysResult(0) : fail(error);
}

} // namespace

SysResult do_socket(Call &call) {
  int family = call.arg_int(0), type = call.arg_int(1), protocol = call.arg_int(2);
  if ((type & ~(kTypeMask | SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) return fail(EINVAL);
  if (int error = refuse_family(family, type & kTypeMask); error != 0) return fail(error);
  bool of_host = call.kernel.options().network_host;
  int fd = call.kernel.mounts().sockets().create(of_host, family, type & kTypeMask, protocol);
  if (fd < 0) return fd;
  return files::install(call, wrap(call, fd, family, type), (type & SOCK_CLOEXEC) != 0);
}

SysResult do_socketpair(Call &call) {
  int family = call.arg_int(0), type = call.arg_int(1), protocol = call.arg_int(2);
  if ((type & ~(kTypeMask | SOCK_CLOEXEC | SOCK_NONBLOCK)) != 0) return fail(EINVAL);
  if (family != AF_UNIX) return fail(family == AF_INET || family == AF_INET6 ? EOPNOTSUPP : EAFNOSUPPORT);
  std::array<int, 2> fds{-1, -1};
  SocketSource &source = call.kernel.mounts().sockets();
  int error = source.create_pair(call.kernel.options().network_host, type & kTypeMask, protocol, fds);
  if (error != 0) return error;
  auto first = wrap(call, fds[0], family, type), second = wrap(call, fds[1], family, type);
  return files::install_pair(call, std::move(first), std::move(second), (type & SOCK_CLOEXEC) != 0, call.arg_gva(3));
}

SysResult do_bind(Call &call) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  auto address = load_address(call, call.arg_gva(1), call.arg_uint(2), Purpose::Bind);
  if (!address) return fail(address.error());
  if (::bind((*socket)->host_fd(), address->get(), address->length) != 0) return fail(errno);
  remember_binding(call, **socket, *address, call.arg_gva(1), call.arg_uint(2));
  return 0;
}

SysResult do_listen(Call &call) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  return host_result(::listen((*socket)->host_fd(), call.arg_int(1)));
}

SysResult do_accept(Call &call) { return accept_from(call, 0); }
SysResult do_accept4(Call &call) { return accept_from(call, call.arg_int(3)); }

SysResult do_connect(Call &call) {
  auto &state = call.keep<ConnectState>();
  auto socket = begin(call);
  if (!socket) return fail(socket.error());
  if (state.in_progress) return connection_result(call, state);
  auto address = load_address(call, call.arg_gva(1), call.arg_uint(2), Purpose::Reach);
  if (!address) return fail(address.error());
  if (::connect((*socket)->host_fd(), address->get(), address->length) == 0) return 0;
  int error = errno;
  if ((*socket)->nonblocking()) return fail(error);
  if (error == EINPROGRESS || error == EALREADY) {
    state.in_progress = true;
    return connection_result(call, state);
  }
  if (error != EAGAIN || (*socket)->family() != AF_UNIX) return fail(error);
  if (call.woken == Wake::Signal) return fail(EINTR);
  WaitFor wait; // the listener's backlog is full
  wait.deadline = state.backlog.next();
  return SysResult::park(std::move(wait));
}

SysResult do_shutdown(Call &call) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  return host_result(::shutdown((*socket)->host_fd(), call.arg_int(1)));
}

SysResult do_getsockname(Call &call) {
  return give_name(call, [](int fd, sockaddr *to, socklen_t *size) { return ::getsockname(fd, to, size); });
}
SysResult do_getpeername(Call &call) {
  return give_name(call, [](int fd, sockaddr *to, socklen_t *size) { return ::getpeername(fd, to, size); });
}

} // namespace pagoda::kernel::sockets
