#include "vmm/control/server_loop.hpp"

#include <algorithm>
#include <exception>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pagoda::vmm::control {
namespace {

constexpr std::chrono::milliseconds kPause{100};

// The superuser may ask every VM; it could read their memory anyway.
bool may_ask(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

} // namespace

ServerLoop::ServerLoop(Fd listening, const Limits &limits) : limits_(limits), acceptor_(io_), timer_(io_) {
  acceptor_.assign(boost::asio::local::stream_protocol(), listening.get());
  static_cast<void>(listening.release()); // the acceptor's now
}

void ServerLoop::run(const std::function<Handlers()> &make_handlers) {
  ::pthread_setname_np(::pthread_self(), "control");
  try {
    handlers_ = make_handlers();
    accept();
  } catch (const std::exception &) { return; } // no memory to begin with: clients see a closed socket
  while (!io_.stopped()) {
    try {
      io_.run();
    } catch (const std::exception &) {
      // No memory for one step: that connection ends with its timer, the others go on.
    }
  }
}

void ServerLoop::accept() {
  acceptor_.async_accept([this](const Error &error, Connection::Socket client) {
    if (error == boost::asio::error::operation_aborted) return;
    if (error) return pause();
    accept();
    admit(std::move(client));
  });
}

void ServerLoop::admit(Connection::Socket client) {
  if (!may_ask(client.native_handle())) return;
  std::erase_if(clients_, [](const auto &weak) {
    const auto held = weak.lock();
    return !held || !held->open();
  });
  auto connection = std::make_shared<Connection>(std::move(client), handlers_, limits_);
  if (clients_.size() >= limits_.clients)
    return connection->refuse("too many clients ask this VM at once", "end one of them, or ask again later");
  clients_.push_back(connection);
  connection->start();
}

void ServerLoop::pause() {
  timer_.expires_after(kPause);
  timer_.async_wait([this](const Error &error) {
    if (!error) accept();
  });
}

} // namespace pagoda::vmm::control
