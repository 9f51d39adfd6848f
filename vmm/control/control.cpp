#include "vmm/control/control.hpp"

#include "vmm/control/asks/asks.hpp"

namespace pagoda::vmm::control {

Control::Control(SocketFile file, Subject subject, AddHandlers more)
    : file_(std::move(file)), server_(file_.take_socket(), [subject = std::move(subject), more = std::move(more)] {
        Handlers handlers = handlers_of(std::make_shared<const Subject>(subject));
        if (more) more(handlers);
        return handlers;
      }) {}

std::expected<std::unique_ptr<Control>, std::string> Control::open(RuntimeDirectory directory, Subject subject,
                                                                   AddHandlers more) {
  auto file = SocketFile::publish(std::move(directory), subject.name);
  if (!file) return std::unexpected(file.error());
  subject.id = file->id();
  kernel::Kernel &kernel = subject.kernel;
  std::unique_ptr<Control> control(new Control(std::move(*file), std::move(subject), std::move(more)));
  if (!control->server_.watch(kernel.io()))
    return std::unexpected("the host has no descriptor left for a control socket");
  return control;
}

} // namespace pagoda::vmm::control
