// The listening end of a VM's control socket.
//
// It costs a run nothing until somebody asks: the VM's own event loop (`watch`) notices the first
// client, and only then does the control thread begin, with an event loop of its own, so that no
// request ever waits for a vCPU and no vCPU for a request. Clients of other users are turned away
// (SO_PEERCRED; the socket's mode and its directory's say the same).
//
// `watch` and `stop` belong to one thread, the one that runs the event loop given to `watch`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "vmm/control/handlers.hpp"
#include "vmm/control/limits.hpp"
#include "vmm/fd.hpp"

namespace boost::asio {
class io_context;
}

namespace pagoda::vmm::control {

class Server {
public:
  using MakeHandlers = std::function<Handlers()>; // called once, on the control thread
  Server(Fd listening, MakeHandlers make_handlers, const Limits &limits = {});
  ~Server(); // stops
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  // Starts at the first client. `io` outlives the server, or `stop` comes first. False as `start`.
  bool watch(boost::asio::io_context &io);
  // Starts now. False when the host has no thread or descriptor for it: nobody is served then.
  bool start();
  // Closes every connection; a request that is being answered is waited for.
  void stop();
  [[nodiscard]] bool running() const { return thread_.joinable(); }

private:
  class Watch;
  class Loop;
  Fd listening_;
  MakeHandlers make_handlers_;
  Limits limits_;
  std::unique_ptr<Watch> watch_;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

} // namespace pagoda::vmm::control
