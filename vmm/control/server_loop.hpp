// What the control thread runs: accepts clients, at most so many, and turns strangers away.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "vmm/control/connection.hpp"
#include "vmm/fd.hpp"

namespace pagoda::vmm::control {

class ServerLoop {
public:
  // Throws when the host has no descriptors for an event loop.
  ServerLoop(Fd listening, const Limits &limits);
  void run(const std::function<Handlers()> &make_handlers);
  void stop() { io_.stop(); } // from any thread

private:
  using Error = boost::system::error_code;
  void accept();
  void admit(Connection::Socket client);
  void pause(); // after an accept that failed, for want of descriptors

  Limits limits_;
  Handlers handlers_;
  boost::asio::io_context io_{1};
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::vector<std::weak_ptr<Connection>> clients_;
};

} // namespace pagoda::vmm::control
