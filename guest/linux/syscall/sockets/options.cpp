// setsockopt and getsockopt: a list of what may pass. Some options carry pointers, load modules or
// reach beyond the socket; what is not listed is ENOPROTOOPT.
#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include "guest/linux/syscall/sockets/handlers.hpp"
#include "guest/linux/syscall/sockets/support.hpp"

namespace pagoda::kernel::sockets {
namespace {

constexpr std::size_t kLargestOption = 1024;
constexpr int kUdp = 17;

enum class Way : std::uint8_t { Get, Set, Both };
struct Option {
  int level, name;
  Way way = Way::Both;
};

constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_TYPE, Way::Get},
    {SOL_SOCKET, SO_ERROR, Way::Get},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_RCVBUF},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_PASSCRED},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_SNDLOWAT, Way::Get},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_ACCEPTCONN, Way::Get},
    {SOL_SOCKET, SO_PROTOCOL, Way::Get},
    {SOL_SOCKET, SO_DOMAIN, Way::Get},
    {SOL_SOCKET, SO_RXQ_OVFL},
    {SOL_SOCKET, SO_PEEK_OFF},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_MAXSEG},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_INFO, Way::Get},
    {IPPROTO_TCP, TCP_QUICKACK},
    {IPPROTO_TCP, TCP_CONGESTION, Way::Get},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_FASTOPEN},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_MTU, Way::Get},
    {IPPROTO_IP, IP_FREEBIND},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {IPPROTO_IP, IP_MULTICAST_IF, Way::Set},
    {IPPROTO_IP, IP_MULTICAST_TTL},
    {IPPROTO_IP, IP_MULTICAST_LOOP},
    {IPPROTO_IP, IP_ADD_MEMBERSHIP, Way::Set},
    {IPPROTO_IP, IP_DROP_MEMBERSHIP, Way::Set},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {IPPROTO_IPV6, IPV6_JOIN_GROUP, Way::Set},
    {IPPROTO_IPV6, IPV6_LEAVE_GROUP, Way::Set},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_MTU, Way::Get},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {kUdp, 1}, // UDP_CORK
};

bool passes(int level, int name, Way way) {
  return std::ranges::any_of(kOptions, [&](const Option &option) {
    return option.level == level && option.name == name && (option.way == Way::Both || option.way == way);
  });
}

std::atomic<std::int64_t> *timeout_of(SocketFile &socket, int level, int name) {
  if (level != SOL_SOCKET) return nullptr;
  if (name == SO_RCVTIMEO) return &socket.receive_timeout_us;
  return name == SO_SNDTIMEO ? &socket.send_timeout_us : nullptr;
}

SysResult set_timeout(Call &call, std::atomic<std::int64_t> &timeout) {
  timeval value{};
  if (call.arg_uint(4) < sizeof value) return fail(EINVAL);
  if (!get_user(call, call.arg_gva(3), value)) return fail(EFAULT);
  if (value.tv_usec < 0 || value.tv_usec >= 1000000) return fail(EDOM);
  constexpr std::int64_t kLongest = 100ll * 365 * 24 * 3600;
  bool for_ever = value.tv_sec < 0 || value.tv_sec > kLongest;
  timeout = for_ever ? 0 : value.tv_sec * 1000000 + value.tv_usec;
  return 0;
}

SysResult give(Call &call, std::span<const std::byte> value) {
  std::int32_t room = 0;
  if (!get_user(call, call.arg_gva(4), room)) return fail(EFAULT);
  if (room < 0) return fail(EINVAL);
  auto part = value.first(std::min(value.size(), std::size_t(room)));
  if (fault::copy_out(*call.process.space, call.arg_gva(3), part) != part.size()) return fail(EFAULT);
  return put_user(call, call.arg_gva(4), std::int32_t(part.size())) ? SysResult(0) : fail(EFAULT);
}

// Who is at the other end of a unix socket: the host would name Pagoda itself. The maker of a pair
// is known; for other connections it is the guest's user, under the pid of whoever asks.
SysResult give_peer(Call &call, const SocketFile &socket) {
  const Credentials &who = call.process.credentials;
  ucred peer{};
  peer.pid = pid_t(socket.creator());
  peer.uid = who.euid;
  peer.gid = who.egid;
  return give(call, std::as_bytes(std::span(&peer, 1)));
}

} // namespace

SysResult do_setsockopt(Call &call) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  int level = call.arg_int(1), name = call.arg_int(2);
  if (auto *timeout = timeout_of(**socket, level, name)) return set_timeout(call, *timeout);
  if (!passes(level, name, Way::Set)) return fail(ENOPROTOOPT);
  if (call.arg_uint(4) > kLargestOption) return fail(EINVAL);
  std::vector<std::byte> value(call.arg_uint(4));
  if (fault::copy_in(*call.process.space, call.arg_gva(3), value) != value.size()) return fail(EFAULT);
  return host_result(::setsockopt((*socket)->host_fd(), level, name, value.data(), socklen_t(value.size())));
}

SysResult do_getsockopt(Call &call) {
  auto socket = socket_of(call, call.arg_int(0));
  if (!socket) return fail(socket.error());
  int level = call.arg_int(1), name = call.arg_int(2);
  if (auto *timeout = timeout_of(**socket, level, name)) {
    const timeval value{*timeout / 1000000, *timeout % 1000000};
    return give(call, std::as_bytes(std::span(&value, 1)));
  }
  if (level == SOL_SOCKET && name == SO_PEERCRED) return give_peer(call, **socket);
  if (!passes(level, name, Way::Get)) return fail(ENOPROTOOPT);
  std::int32_t room = 0;
  if (!get_user(call, call.arg_gva(4), room)) return fail(EFAULT);
  if (room < 0) return fail(EINVAL);
  std::vector<std::byte> value(std::min<std::size_t>(std::size_t(room), kLargestOption));
  auto size = socklen_t(value.size());
  if (::getsockopt((*socket)->host_fd(), level, name, value.data(), &size) != 0) return fail(errno);
  return give(call, std::span(value).first(std::min<std::size_t>(size, value.size())));
}

} // namespace pagoda::kernel::sockets
