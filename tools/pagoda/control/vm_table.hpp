// The VMs of `pagoda ps`, for people and for programs.
#pragma once

#include <span>
#include <string>

#include "tools/pagoda/control/vms.hpp"

namespace pagoda::tools {

[[nodiscard]] std::string vm_table(std::span<const FoundVm> vms);
[[nodiscard]] std::string vm_json(std::span<const FoundVm> vms);

} // namespace pagoda::tools
