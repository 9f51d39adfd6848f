// Moving pages that are there already: migrate_pages(2) by node, move_pages(2) one by one.
#include <algorithm>
#include <array>
#include <cerrno>

#include "guest/linux/kernel.hpp"
#include "guest/linux/syscall/identity/credential_rules.hpp"
#include "guest/linux/syscall/long_call.hpp"
#include "guest/linux/syscall/memory/handlers.hpp"
#include "guest/linux/syscall/memory/map_arguments.hpp"
#include "guest/linux/syscall/memory/other_space.hpp"
#include "guest/linux/syscall/memory/policy_arguments.hpp"
#include "guest/linux/user_memory.hpp"
#include "mmu/space/policy_pages.hpp"

namespace pagoda::kernel::memory {

namespace {

using phys::NodeId;
using phys::NodeMask;
using space::Mempolicy;

constexpr unsigned kMove = 2, kMoveAll = 4; // MPOL_MF_*

std::expected<std::shared_ptr<space::Space>, int> target(Call &call, std::uint32_t pid) {
  if (pid == 0) return call.process.space;
  return space_of(call, pid);
}

// Where pages of each node go: the n-th node of `from` to the n-th of `to`, going round. A node that
// is in both stays, where there are not as many of one as of the other.
using NodeMap = std::array<NodeId, phys::kMaxNodes>;
NodeMap map_nodes(NodeMask from, NodeMask to) {
  NodeMap map;
  for (NodeId node = 0; node < phys::kMaxNodes; ++node) map[node] = node;
  NodeId next = to.first();
  for (NodeId node = 0; node < phys::kMaxNodes; ++node) {
    if (!from.has(node)) continue;
    if (from.size() == to.size() || !to.has(node)) map[node] = next;
    next = to.next(next);
  }
  return map;
}

// One page of move_pages.
struct Order {
  Gva page;
  std::int32_t node;
};

// What the program reads in `status`: the node that the page is on, or why it is not where it should be.
std::int32_t status_of(const space::Space &space, Gva page) {
  if (page >= space::kUserEnd || !space.policy_at(page)) return -EFAULT;
  const auto leaf = space.query(page);
  if (!leaf) return -ENOENT;
  return space.memory().is_ram(leaf->frame) ? space::node_at(space.memory(), leaf->frame) : -EFAULT;
}

std::int32_t move(space::Space &space, const Order &order) {
  const std::int32_t before = status_of(space, order.page);
  if (before < 0 || before == order.node) return before;
  const auto moved = space.migrate({order.page, order.page + kPageSize}, [&](const space::Vma &, Gva, NodeId) {
    return Mempolicy::only(NodeId(order.node));
  });
  if (moved.failed == 0) return status_of(space, order.page);
  const auto leaf = space.query(order.page);
  const bool shared = leaf && space.memory().frame(leaf->frame).refs.load(std::memory_order_relaxed) > 1;
  return shared ? -EACCES : -ENOMEM;
}

// 0 or an errno: nodes that cannot be named end the call.
int check_node(const Call &call, std::int32_t node) {
  const bool exists = node >= 0 && unsigned(node) < phys::kMaxNodes && memory_nodes(call).has(NodeId(node));
  return exists ? 0 : ENODEV;
}

} // namespace

// The result counts the pages that could not be moved.
SysResult do_migrate_pages(Call &call) {
  const auto from = read_nodes(call, call.arg_gva(2), call.arg(1));
  if (!from) return SysResult::error(from.error());
  const auto to = read_nodes(call, call.arg_gva(3), call.arg(1));
  if (!to) return SysResult::error(to.error());
  const auto space = target(call, call.arg_uint(0));
  if (!space) return SysResult::error(space.error());
  const NodeMask known = memory_nodes(call);
  if ((*to & known) != *to && !capable(call.process.credentials, Capability::SysNice)) return SysResult::error(EPERM);
  const NodeMask nodes = *to & known;
  if (nodes.empty()) return SysResult::error(EINVAL);
  const NodeMap map = map_nodes(*from, nodes);
  const auto moved =
      (*space)->migrate(kUserSpace, [&](const space::Vma &, Gva, NodeId node) -> std::optional<Mempolicy> {
        if (map[node % phys::kMaxNodes] == node) return std::nullopt;
        return Mempolicy::only(map[node % phys::kMaxNodes]);
      });
  return std::int64_t(moved.failed);
}

// Without `nodes` it only tells where pages are. The result counts those that stayed elsewhere.
SysResult do_move_pages(Call &call) {
  const unsigned flags = call.arg_uint(5);
  if ((flags & ~(kMove | kMoveAll)) != 0) return SysResult::error(EINVAL);
  if ((flags & kMoveAll) != 0 && !capable(call.process.credentials, Capability::SysNice))
    return SysResult::error(EPERM);
  const auto space = target(call, call.arg_uint(0));
  if (!space) return SysResult::error(space.error());
  std::int64_t stayed = 0;
  for (std::uint64_t i = 0; i < call.arg(1); ++i) {
    std::uint64_t address = 0;
    if (!get_user(call, call.arg_gva(2) + i * sizeof address, address)) return SysResult::error(EFAULT);
    Order order{Gva(address).page_floor(), 0};
    std::int32_t status = 0;
    if (call.arg(3) == 0) {
      status = status_of(**space, order.page);
    } else {
      if (!get_user(call, call.arg_gva(3) + i * sizeof order.node, order.node)) return SysResult::error(EFAULT);
      if (const int error = check_node(call, order.node); error != 0) return SysResult::error(error);
      status = move(**space, order);
      stayed += status == order.node ? 0 : 1;
    }
    if (!put_user(call, call.arg_gva(4) + i * sizeof status, status)) return SysResult::error(EFAULT);
    if (i % 4096 == 4095 && is_dying(call)) return SysResult::error(EINTR);
  }
  return stayed;
}

} // namespace pagoda::kernel::memory
