// Lines of /proc/PID/numa_maps (numa(7)): each area with its policy and the nodes of its pages.
#pragma once

#include <string>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {

// "bind=static:0-1": as Linux names a policy.
[[nodiscard]] std::string policy_text(const space::Mempolicy &policy);
// `policy`: the one that its pages come from.
[[nodiscard]] std::string numa_maps_line(const space::Vma &area, const space::Mempolicy &policy,
                                         const space::NumaFigures &figures);
// `task`: the policy of the task, for areas that have none.
[[nodiscard]] std::string numa_maps_text(const space::Space &space, const space::Mempolicy &task);

} // namespace pagoda::kernel
