// The user's running VMs, found by their control sockets; sockets of dead ones are removed on the way.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "vmm/control/client.hpp"

namespace pagoda::tools {

inline constexpr std::chrono::milliseconds kListLimit{1000};  // for each VM of a list
inline constexpr std::chrono::milliseconds kAskLimit{30'000}; // for an answer that may take work

struct FoundVm {
  std::string id;
  vmm::control::Json figures; // its answer to "vm"; null when it did not answer
  std::string problem;        // why it did not
};
// In the order of their beginning, the oldest first.
[[nodiscard]] std::vector<FoundVm> running_vms();

// The id of the VM of that id, name or process id; of the only one there is without a text. The error
// is a sentence for the user.
[[nodiscard]] std::expected<std::string, std::string> vm_id(const std::string &text);

// Asks the VM that `vm_id` gives; an error as a sentence.
[[nodiscard]] std::expected<vmm::control::Json, std::string>
ask_vm(const std::string &vm, const std::string &ask, const vmm::control::Json &with = vmm::control::Json::object());

} // namespace pagoda::tools
