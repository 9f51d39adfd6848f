// What the socket calls share.
#pragma once

#include <memory>

#include "guest/linux/fs/socket_file.hpp"
#include "guest/linux/syscall/files/support.hpp"

namespace pagoda::kernel::sockets {

using files::fail;
using files::host_result;

// The socket at a descriptor: EBADF, ENOTSOCK.
[[nodiscard]] std::expected<std::shared_ptr<SocketFile>, int> socket_of(const Call &call, int fd);

struct SocketState : CallState {
  std::shared_ptr<SocketFile> socket; // of a parked call
  std::optional<Deadline> deadline;   // by SO_RCVTIMEO or SO_SNDTIMEO
  bool timed = false;                 // the deadline has been worked out
  std::uint64_t done = 0;             // bytes of a stream moved so far
  unsigned index = 0;                 // messages of sendmmsg, recvmmsg completed
};

// The socket of a call, kept in its state.
[[nodiscard]] std::expected<std::shared_ptr<SocketFile>, int> begin(Call &call);

// Would block: parks, or says EAGAIN (non-blocking, timed out) or EINTR, or the bytes already moved.
[[nodiscard]] SysResult wait_or_again(Call &call, short events, bool no_wait);

} // namespace pagoda::kernel::sockets
