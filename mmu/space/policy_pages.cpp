#include "mmu/space/policy_pages.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "mmu/space/task_policy.hpp"

namespace pagoda::space {

namespace {

using phys::NodeId;
using phys::NodeMask;
using phys::PhysicalMemory;
using phys::Request;

// The member of `nodes` that is nearest to `from`.
NodeId nearest(const phys::Topology &topology, NodeMask nodes, NodeId from) {
  NodeId best = nodes.first();
  for (NodeId node = best; node < phys::kMaxNodes; ++node)
    if (nodes.has(node) && topology.distance(from, node) < topology.distance(from, best)) best = node;
  return best;
}

std::size_t from_some(PhysicalMemory &memory, const Mempolicy &policy, std::span<Gfn> out, Request request) {
  const NodeMask nodes = policy.nodes();
  request.allowed = &nodes;
  request.preferred = nearest(memory.topology(), nodes, policy.home().value_or(request.preferred));
  return memory.allocate_bulk(out, request);
}

std::size_t from_many(PhysicalMemory &memory, const Mempolicy &policy, std::span<Gfn> out, Request request) {
  // The preferred ones are tried without effort: there are others.
  Request easy = request;
  easy.gfp = (request.gfp & ~phys::Gfp::DirectReclaim) | phys::Gfp::NoWarn;
  const std::size_t had = from_some(memory, policy, out, easy);
  if (had == out.size()) return had;
  request.preferred = policy.home().value_or(request.preferred);
  return had + memory.allocate_bulk(out.subspan(had), request);
}

// Each node's share of the pages at once. Short of memory: one frame, for the first page.
std::size_t interleave(PhysicalMemory &memory, const Mempolicy &policy, std::span<const std::uint64_t> numbers,
                       std::span<Gfn> out, Request request) {
  request.interleaved = true;
  std::vector<std::size_t> places;
  std::vector<Gfn> frames, all;
  NodeId node = policy.nodes().first();
  for (unsigned i = 0; i < policy.nodes().size(); ++i, node = policy.nodes().next(node)) {
    places.clear();
    for (std::size_t page = 0; page < out.size(); ++page)
      if (policy.interleaved(numbers[page]) == node) places.push_back(page);
    if (places.empty()) continue;
    frames.resize(places.size());
    request.preferred = node;
    const std::size_t had = memory.allocate_bulk(frames, request);
    all.insert(all.end(), frames.begin(), frames.begin() + std::ptrdiff_t(had));
    if (had < places.size()) {
      memory.put_all(all);
      request.preferred = policy.interleaved(numbers.front());
      return out.size() == 1 ? 0 : memory.allocate_bulk(out.first(1), request);
    }
    for (std::size_t k = 0; k < places.size(); ++k) out[places[k]] = frames[k];
  }
  return out.size();
}

} // namespace

NodeMask memory_nodes(const PhysicalMemory &memory) {
  NodeMask nodes;
  const auto &all = memory.topology().nodes;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].bytes != 0) nodes.add(NodeId(i));
  return nodes;
}

const Mempolicy &effective(const Mempolicy &area) { return area.is_default() ? task_policy() : area; }

std::size_t allocate_under(PhysicalMemory &memory, const Mempolicy &area, std::span<const std::uint64_t> numbers,
                           std::span<Gfn> out, Request request) {
  const Mempolicy &policy = effective(area);
  switch (policy.mode()) {
  case PolicyMode::Bind: return from_some(memory, policy, out, request);
  case PolicyMode::PreferredMany: return from_many(memory, policy, out, request);
  case PolicyMode::Interleave: return out.empty() ? 0 : interleave(memory, policy, numbers, out, request);
  case PolicyMode::Preferred: request.preferred = policy.first_node(); break;
  case PolicyMode::Default:
  case PolicyMode::Local: break;
  }
  return memory.allocate_bulk(out, request);
}

} // namespace pagoda::space
