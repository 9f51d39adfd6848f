// `pagoda stat --interval`: what happened between two looks at a VM, one line a look.
#pragma once

#include <optional>
#include <string>

#include "vmm/control/protocol.hpp"

namespace pagoda::tools {

// The part of a report's figures that changes, taken at one moment.
struct StatSample {
  std::uint64_t wall_ns = 0, guest_ns = 0, host_ns = 0;
  std::uint64_t exits = 0, faults = 0, calls = 0, flushes = 0, switches = 0;
  std::uint64_t free_bytes = 0, used_bytes = 0;
  unsigned cpus = 1;
};
// Of what "stat" answered; a figure that is missing counts as 0.
[[nodiscard]] StatSample stat_sample(const vmm::control::Json &figures);

[[nodiscard]] std::string stat_header();
// Rates per second; the first line is over the whole run.
[[nodiscard]] std::string stat_line(const StatSample &before, const StatSample &now);

} // namespace pagoda::tools
