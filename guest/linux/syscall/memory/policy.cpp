// NUMA policies: set_mempolicy(2), get_mempolicy(2), mbind(2), set_mempolicy_home_node(2).
#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/policy_arguments.hpp"
#include "guest/linux/syscall/memory/space_errno.hpp"
#include "guest/linux/user_memory.hpp"
#include "mmu/space/policy_pages.hpp"
#include "mmu/space/task_policy.hpp"

namespace pagoda::kernel::memory {

namespace {

using phys::NodeId;
using phys::NodeMask;
using space::Mempolicy;
using space::PolicyMode;

constexpr unsigned kGetNode = 1, kGetAddress = 2, kGetAllowed = 4; // MPOL_F_*
constexpr unsigned kStrict = 1, kMove = 2, kMoveAll = 4;           // MPOL_MF_*

// What get_mempolicy answers.
struct Answer {
  std::int32_t mode = 0;
  NodeMask nodes;
};

// The node of a page, which is faulted in for it.
std::expected<NodeId, int> node_of_page(const Call &call, Gva page) {
  space::Space &space = *call.process.space;
  std::byte byte{};
  if (fault::copy_in(space, page, std::span(&byte, 1)) != 1) return unexpected(EFAULT);
  const auto leaf = space.query(page);
  if (!leaf) return unexpected(EFAULT); // another thread took it away
  return space::node_at(space.memory(), leaf->frame);
}

std::expected<Mempolicy, int> asked_policy(const Call &call, bool by_address, Gva address) {
  if (!by_address) return call.task.policy;
  const auto policy = call.process.space->policy_at(address);
  if (!policy) return unexpected(EFAULT);
  return *policy;
}

std::expected<Answer, int> answer(const Call &call, std::uint64_t flags, Gva address) {
  const bool by_address = (flags & kGetAddress) != 0;
  if ((flags & kGetAllowed) != 0) {
    if ((flags & (kGetNode | kGetAddress)) != 0) return unexpected(EINVAL);
    return Answer{0, memory_nodes(call)};
  }
  if (!by_address && address.value() != 0) return unexpected(EINVAL);
  const auto policy = asked_policy(call, by_address, address);
  if (!policy) return unexpected(policy.error());
  Answer result{0, policy->told_nodes()};
  if ((flags & kGetNode) == 0) {
    result.mode = std::int32_t(policy->mode()) | std::int32_t(policy->flags());
  } else if (by_address) {
    const auto node = node_of_page(call, address.page_floor());
    if (!node) return unexpected(node.error());
    result.mode = *node;
  } else {
    // Only interleaving has a next node; pages of programs go by their place and do not advance it.
    if (policy->mode() != PolicyMode::Interleave) return unexpected(EINVAL);
    result.mode = policy->first_node();
  }
  return result;
}

void store_policy(Call &call, const Mempolicy &policy) {
  space::set_task_policy(policy);
  const LockGuard guard(call.kernel.mutex);
  call.task.policy = policy;
}

// Whether every page of the range lies on one of the nodes.
bool all_on(space::Space &space, GvaRange range, NodeMask nodes) {
  const space::NumaFigures figures = space.numa_figures(range);
  for (NodeId node = 0; node < phys::kMaxNodes; ++node)
    if (figures.by_node[node] != 0 && !nodes.has(node)) return false;
  return true;
}

// Moves what lies elsewhere to where the new policy puts it. 0 or EIO.
int move_misplaced(space::Space &space, GvaRange range, const PolicyArguments &asked, unsigned flags) {
  const auto moved =
      space.migrate(range, [&](const space::Vma &area, Gva page, NodeId node) -> std::optional<Mempolicy> {
        if (asked.nodes.has(node)) return std::nullopt;
        const bool in_object = area.object != nullptr && area.file == nullptr;
        return in_object ? area.object->policy_at(area.offset_of(page)) : area.policy;
      });
  return moved.failed != 0 && (flags & kStrict) != 0 ? EIO : 0;
}

} // namespace

SysResult do_get_mempolicy(Call &call) {
  const std::uint64_t flags = call.arg(4);
  const Gva mode = call.arg_gva(0);
  const Gva mask = call.arg_gva(1);
  if (mask.value() != 0 && call.arg(2) < node_count(call)) return SysResult::error(EINVAL);
  if ((flags & ~std::uint64_t(kGetNode | kGetAddress | kGetAllowed)) != 0) return SysResult::error(EINVAL);
  const auto found = answer(call, flags, call.arg_gva(3));
  if (!found) return SysResult::error(found.error());
  if (mode.value() != 0 && !put_user(call, mode, found->mode)) return SysResult::error(EFAULT);
  return mask.value() == 0 ? SysResult(0) : SysResult::error(write_nodes(call, mask, call.arg(2), found->nodes));
}

SysResult do_set_mempolicy(Call &call) {
  const auto asked = read_policy(call, call.arg_uint(0), call.arg_gva(1), call.arg(2));
  if (!asked) return SysResult::error(asked.error());
  const auto policy = Mempolicy::make(asked->mode, asked->flags, asked->nodes, memory_nodes(call));
  if (!policy) return SysResult::error(EINVAL);
  store_policy(call, *policy);
  return 0;
}

SysResult do_mbind(Call &call) {
  const auto asked = read_policy(call, call.arg_uint(2), call.arg_gva(3), call.arg(4));
  if (!asked) return SysResult::error(asked.error());
  unsigned flags = call.arg_uint(5);
  if ((flags & ~(kStrict | kMove | kMoveAll)) != 0) return SysResult::error(EINVAL);
  if ((flags & kMoveAll) != 0 && !capable(call.process.credentials, Capability::SysNice))
    return SysResult::error(EPERM);
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, EINVAL);
  if (!range) return SysResult::error(range.error());
  if (range->empty()) return 0;
  const auto policy = Mempolicy::make(asked->mode, asked->flags, asked->nodes, memory_nodes(call));
  if (!policy) return SysResult::error(EINVAL);
  if (!kUserSpace.contains(*range)) return SysResult::error(EFAULT);

  space::Space &space = *call.process.space;
  const bool moves = (flags & (kMove | kMoveAll)) != 0;
  if (policy->is_default()) flags &= ~kStrict;
  // Without leave to move, a page on another node is a reason to refuse.
  const bool refuses = (flags & kStrict) != 0 && !moves;
  if (refuses && space.policy_at(range->begin) && !all_on(space, *range, asked->nodes)) return SysResult::error(EIO);
  if (const auto set = space.set_policy(*range, *policy); !set)
    return SysResult::error(space_errno(set.error(), EFAULT));
  return SysResult::error(moves ? move_misplaced(space, *range, *asked, flags) : 0);
}

SysResult do_set_mempolicy_home_node(Call &call) {
  const auto range = decode_range(call.arg(0), call.arg(1), EINVAL, EINVAL);
  if (!range) return SysResult::error(range.error());
  if (call.arg(3) != 0 || call.arg(2) >= node_count(call)) return SysResult::error(EINVAL);
  if (range->empty()) return 0;
  if (!kUserSpace.contains(*range)) return SysResult::error(ENOENT);
  const auto set = call.process.space->set_home_node(*range, NodeId(call.arg(2)));
  if (set) return 0;
  return SysResult::error(set.error() == Error::Unsupported ? EOPNOTSUPP : space_errno(set.error(), ENOENT));
}

} // namespace pagoda::kernel::memory
