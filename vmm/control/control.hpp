// The control socket of one running VM: its file, its server and what can be asked of it.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "vmm/control/runtime_directory.hpp"
#include "vmm/control/server.hpp"
#include "vmm/control/socket_file.hpp"
#include "vmm/control/subject.hpp"

namespace pagoda::vmm::control {

class Control {
public:
  // Adds what the embedder can be asked to the table; called on the control thread.
  using AddHandlers = std::function<void(Handlers &)>;
  // Publishes the socket; it serves from the first client on, as long as `subject.kernel` runs its
  // event loop. `stop`, or the destructor, comes before the kernel goes. An error is one sentence.
  static std::expected<std::unique_ptr<Control>, std::string> open(RuntimeDirectory directory, Subject subject,
                                                                   AddHandlers more);
  [[nodiscard]] const std::string &id() const { return file_.id(); }
  void stop() { server_.stop(); }

private:
  Control(SocketFile file, Subject subject, AddHandlers more);
  SocketFile file_; // goes last: nobody is turned away by a name that is still there
  Server server_;
};

} // namespace pagoda::vmm::control
