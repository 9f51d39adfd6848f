// The node masks and modes of the NUMA calls, as a program passes them (set_mempolicy(2), mbind(2)).
#pragma once

#include <cstdint>
#include <expected>

#include "guest/linux/syscall/call.hpp"
#include "mmu/phys/topology.hpp"
#include "mmu/space/mempolicy.hpp"

namespace pagoda::kernel::memory {

// The nodes of the machine that have memory: those that a policy can name.
[[nodiscard]] phys::NodeMask memory_nodes(const Call &call);
// Linux's nr_node_ids: how many bits a mask of nodes needs.
[[nodiscard]] unsigned node_count(const Call &call);

// A mask of `max` bits, the last of which does not count. EFAULT, or EINVAL: too long, or a node that
// no machine has.
[[nodiscard]] std::expected<phys::NodeMask, int> read_nodes(const Call &call, Gva mask, std::uint64_t max);
// The other way; EINVAL: too long. 0 or an errno.
[[nodiscard]] int write_nodes(const Call &call, Gva mask, std::uint64_t max, phys::NodeMask nodes);

struct PolicyArguments {
  space::PolicyMode mode = space::PolicyMode::Default;
  space::PolicyFlags flags = space::PolicyFlags::None;
  phys::NodeMask nodes;
};
[[nodiscard]] std::expected<PolicyArguments, int> read_policy(const Call &call, std::uint32_t mode_and_flags, Gva mask,
                                                              std::uint64_t max);

} // namespace pagoda::kernel::memory
