// What the handlers look at: a kernel that runs, and what is known of its VM from the outside.
#pragma once

#include <string>
#include <vector>

#include "guest/linux/kernel.hpp"
#include "vmm/host_kind.hpp"

namespace pagoda::vmm::control {

struct Subject {
  kernel::Kernel &kernel; // outlives the server
  std::string id;         // the socket's
  std::string name;       // given by the user, or empty
  std::string program;    // as typed
  std::vector<std::string> arguments;
  HostKind host_kind{};
  std::uint64_t memory_bytes = 0;
};

} // namespace pagoda::vmm::control
