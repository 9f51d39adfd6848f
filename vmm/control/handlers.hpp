// What can be asked of a VM: a table of named handlers, and the way of one line through it.
//
// A handler is called on the control thread, never on a vCPU's. It copies figures under their own
// locks and may take its time; it must not wait for the guest.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/control/protocol.hpp"

namespace pagoda::vmm::control {

struct Handler {
  std::string_view name;
  std::string_view summary;
  std::function<Answer(const Json &with)> answer;
};

class Handlers {
public:
  Handlers() = default;
  Handlers(std::initializer_list<Handler> handlers) : handlers_(handlers) {}
  void add(Handler handler) { handlers_.push_back(std::move(handler)); }
  [[nodiscard]] const Handler *find(std::string_view name) const;
  // The answer to one line, as a line. "help" lists the table. What a handler throws becomes a refusal.
  [[nodiscard]] std::string answer(std::string_view line) const;

private:
  [[nodiscard]] Answer answer(const Request &request) const;
  [[nodiscard]] Json help() const;
  std::vector<Handler> handlers_;
};

// To what is no request at all.
[[nodiscard]] std::string refusal_line(std::string_view error, std::string_view hint);

} // namespace pagoda::vmm::control
