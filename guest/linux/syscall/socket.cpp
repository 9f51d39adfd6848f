// The socket family (guest/linux/syscall/sockets/).
#include <array>

#include "guest/linux/syscall/sockets/handlers.hpp"
#include "guest/linux/syscall/table.hpp"

namespace pagoda::kernel {

std::span<const SyscallEntry> socket_calls() {
  using namespace sockets;
  static constexpr auto kCalls = std::to_array<SyscallEntry>({
      {41, "socket", do_socket, "ddd"},
      {42, "connect", do_connect, "fpu"},
      {43, "accept", do_accept, "fpp"},
      {44, "sendto", do_sendto, "fbuxpu"},
      {45, "recvfrom", do_recvfrom, "fpuxpp"},
      {46, "sendmsg", do_sendmsg, "fpx"},
      {47, "recvmsg", do_recvmsg, "fpx"},
      {48, "shutdown", do_shutdown, "fd"},
      {49, "bind", do_bind, "fpu"},
      {50, "listen", do_listen, "fd"},
      {51, "getsockname", do_getsockname, "fpp"},
      {52, "getpeername", do_getpeername, "fpp"},
      {53, "socketpair", do_socketpair, "dddp"},
      {54, "setsockopt", do_setsockopt, "fddpu"},
      {55, "getsockopt", do_getsockopt, "fddpp"},
      {288, "accept4", do_accept4, "fppx"},
      {299, "recvmmsg", do_recvmmsg, "fpuxp"},
      {307, "sendmmsg", do_sendmmsg, "fpux"},
  });
  return kCalls;
}

} // namespace pagoda::kernel
