#include "guest/linux/syscall/sockets/support.hpp"

#include <poll.h>

namespace pagoda::kernel::sockets {

std::expected<std::shared_ptr<SocketFile>, int> socket_of(const Call &call, int fd) {
  auto file = files::file_of(call, fd);
  if (!file) return std::unexpected(EBADF);
  auto socket = std::dynamic_pointer_cast<SocketFile>(std::move(file));
  if (!socket) return std::unexpected(ENOTSOCK);
  return socket;
}

std::expected<std::shared_ptr<SocketFile>, int> begin(Call &call) {
  auto &state = call.keep<SocketState>();
  if (state.socket) return state.socket;
  auto socket = socket_of(call, call.arg_int(0));
  if (socket) state.socket = *socket;
  return socket;
}

SysResult wait_or_again(Call &call, short events, bool no_wait) {
  auto &state = call.keep<SocketState>();
  SocketFile &socket = *state.socket;
  auto give = [&](int error) { return state.done > 0 ? SysResult(std::int64_t(state.done)) : fail(error); };
  if (no_wait || socket.nonblocking()) return give(EAGAIN);
  if (call.woken == Wake::Signal) return give(EINTR);
  if (!state.timed) {
    std::int64_t limit = events == POLLIN ? socket.receive_timeout_us : socket.send_timeout_us;
    if (limit > 0) state.deadline = Clock::now() + std::chrono::microseconds(limit);
    state.timed = true;
  }
  if (state.deadline && Clock::now() >= *state.deadline) return give(EAGAIN);
  // With something moved, or a time limit, a signal ends the call instead of repeating it.
  bool repeatable = state.done == 0 && state.index == 0 && !state.deadline;
  auto on_signal = repeatable ? WaitFor::OnSignal::Restart : WaitFor::OnSignal::Interrupt;
  return files::park_on(socket.host_fd(), events, on_signal, state.deadline);
}

} // namespace pagoda::kernel::sockets
