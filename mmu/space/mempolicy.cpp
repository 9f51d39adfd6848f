#include "mmu/space/mempolicy.hpp"

namespace pagoda::space {

namespace {

using phys::NodeId;
using phys::NodeMask;

bool keeps_given(PolicyFlags flags) {
  return has(flags, PolicyFlags::StaticNodes) || has(flags, PolicyFlags::RelativeNodes);
}

NodeId nth(NodeMask nodes, std::uint64_t n) {
  NodeId node = nodes.first();
  for (; n != 0; --n) node = nodes.next(node);
  return node;
}

// Relative masks are folded onto as many nodes as are allowed, then counted in those.
NodeMask relative(NodeMask wanted, NodeMask allowed) {
  NodeMask result;
  for (NodeId bit = 0; bit < phys::kMaxNodes; ++bit)
    if (wanted.has(bit)) result.add(nth(allowed, bit % allowed.size()));
  return result;
}

// Whether Linux takes the combination, whatever nodes there are.
bool sensible(PolicyMode mode, PolicyFlags flags, NodeMask wanted) {
  if (has(flags, PolicyFlags::StaticNodes) && has(flags, PolicyFlags::RelativeNodes)) return false;
  if (has(flags, PolicyFlags::NumaBalancing) && mode != PolicyMode::Bind) return false;
  switch (mode) {
  case PolicyMode::Default: return wanted.empty();
  case PolicyMode::Local: return wanted.empty() && !keeps_given(flags);
  case PolicyMode::Preferred: return !wanted.empty() || !keeps_given(flags);
  default: return !wanted.empty();
  }
}

} // namespace

Result<Mempolicy> Mempolicy::make(PolicyMode mode, PolicyFlags flags, NodeMask wanted, NodeMask allowed) {
  if (!sensible(mode, flags, wanted)) return unexpected(Error::Invalid);
  Mempolicy policy;
  if (mode == PolicyMode::Default) return policy; // its flags mean nothing and are not kept
  policy.flags_ = flags;
  // Preferring no node in particular means the processor's own.
  policy.mode_ = mode == PolicyMode::Preferred && wanted.empty() ? PolicyMode::Local : mode;
  if (policy.mode_ == PolicyMode::Local) return policy;

  if (keeps_given(flags)) policy.given_ = wanted;
  if (allowed.empty()) return unexpected(Error::Invalid);
  policy.nodes_ = has(flags, PolicyFlags::RelativeNodes) ? relative(wanted, allowed) : wanted & allowed;
  if (policy.nodes_.empty()) return unexpected(Error::Invalid);
  if (mode == PolicyMode::Preferred) policy.nodes_ = NodeMask::of(policy.nodes_.first());
  return policy;
}

Mempolicy Mempolicy::only(NodeId node) {
  Mempolicy policy;
  policy.mode_ = PolicyMode::Bind;
  policy.nodes_ = NodeMask::of(node);
  return policy;
}

NodeMask Mempolicy::told_nodes() const { return keeps_given(flags_) ? given_ : nodes_; }

std::optional<NodeId> Mempolicy::home() const { return home_ == kNoHome ? std::nullopt : std::optional<NodeId>(home_); }

Result<Mempolicy> Mempolicy::with_home(NodeId node) const {
  if (mode_ != PolicyMode::Bind && mode_ != PolicyMode::PreferredMany) return unexpected(Error::Unsupported);
  Mempolicy policy = *this;
  policy.home_ = node;
  return policy;
}

NodeId Mempolicy::interleaved(std::uint64_t page) const {
  return nodes_.empty() ? phys::local_node() : nth(nodes_, page % nodes_.size());
}

NodeId Mempolicy::first_node() const { return nodes_.empty() ? phys::local_node() : nodes_.first(); }

} // namespace pagoda::space
