// The results of `pagoda doctor` for a person and for a program.
#pragma once

#include <span>
#include <string>

#include "vmm/doctor/doctor.hpp"

namespace pagoda::tools {

// No proof failed and no needed capability is missing.
[[nodiscard]] bool healthy(const vmm::doctor::Report &report);

[[nodiscard]] std::string capability_text(std::span<const vmm::doctor::Capability> capabilities);
[[nodiscard]] std::string doctor_text(const vmm::doctor::Report &report);
[[nodiscard]] std::string doctor_json(const vmm::doctor::Report &report);

} // namespace pagoda::tools
