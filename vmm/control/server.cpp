#include "vmm/control/server.hpp"

#include <exception>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "vmm/control/server_loop.hpp"

namespace pagoda::vmm::control {

// Readiness of the listening socket on somebody else's event loop. The descriptor stays the server's.
class Server::Watch {
public:
  Watch(boost::asio::io_context &io, int fd, std::function<void()> ready) : socket_(io, fd) {
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [ready = std::move(ready)](const boost::system::error_code &error) {
                         if (!error) ready();
                       });
  }
  ~Watch() { socket_.release(); }
  Watch(const Watch &) = delete;
  Watch &operator=(const Watch &) = delete;

private:
  boost::asio::posix::stream_descriptor socket_;
};

class Server::Loop : public ServerLoop {
public:
  using ServerLoop::ServerLoop;
};

Server::Server(Fd listening, MakeHandlers make_handlers, const Limits &limits)
    : listening_(std::move(listening)), make_handlers_(std::move(make_handlers)), limits_(limits) {}

Server::~Server() { stop(); }

bool Server::watch(boost::asio::io_context &io) {
  try {
    watch_ = std::make_unique<Watch>(io, listening_.get(), [this] { start(); });
    return true;
  } catch (const std::exception &) { return false; }
}

bool Server::start() {
  watch_.reset();
  if (running() || !listening_) return running();
  try {
    loop_ = std::make_unique<Loop>(std::move(listening_), limits_);
    thread_ = std::thread([this] { loop_->run(make_handlers_); });
    return true;
  } catch (const std::exception &) { // out of descriptors, threads or memory
    loop_.reset();
    return false;
  }
}

void Server::stop() {
  watch_.reset();
  if (running()) {
    loop_->stop();
    thread_.join();
  }
  loop_.reset();
  listening_.reset();
}

} // namespace pagoda::vmm::control
