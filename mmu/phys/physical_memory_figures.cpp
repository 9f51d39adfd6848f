// Snapshots and invariants of the whole memory.
#include "mmu/phys/physical_memory.hpp"

namespace pagoda::phys {

Counters PhysicalMemory::counters() const {
  Counters result;
  for (const auto &zone : zones_) zone->add_to(result);
  result.failures = failures_.load(std::memory_order_relaxed);
  result.refused_frees = refused_frees_.load(std::memory_order_relaxed);
  result.by_kind[unsigned(FrameKind::Free)] = result.free;
  result.by_kind[unsigned(FrameKind::Reserved)] = reserved_;
  result.kernel_charge = kernel_charge();
  return result;
}

MemoryFigures PhysicalMemory::figures() const {
  MemoryFigures result;
  result.counters = counters();
  for (const auto &zone : zones_) result.zones.push_back(zone->figures());
  for (std::size_t number = 0; number < topology_.nodes.size(); ++number) {
    const auto node = NodeId(number);
    NodeFigures figures{.node = node, .cpus = topology_.nodes[number].cpus, .distances = {}};
    for (std::size_t to = 0; to < topology_.nodes.size(); ++to)
      figures.distances.push_back(topology_.distance(node, NodeId(to)));
    std::uint64_t had = 0;
    for (const ZoneFigures &zone : result.zones) {
      if (zone.node != node || zone.type == ZoneType::Device) continue;
      figures.present += zone.present;
      figures.managed += zone.managed;
      figures.free += zone.free + zone.per_cpu_frames;
      for (unsigned kind = 0; kind < kFrameKinds; ++kind) figures.by_kind[kind] += zone.by_kind[kind];
      had += zone.allocations;
    }
    figures.numa_miss = numa_.sum(node, NumaEvent::Miss);
    figures.numa_foreign = numa_.sum(node, NumaEvent::Foreign);
    figures.interleave_hit = numa_.sum(node, NumaEvent::Interleave);
    figures.other_node = numa_.sum(node, NumaEvent::Other);
    // Taken one after the other while others go on: never below nothing.
    figures.numa_hit = had - std::min(had, figures.numa_miss);
    figures.local_node = had - std::min(had, figures.other_node);
    result.nodes.push_back(std::move(figures));
  }
  return result;
}

void PhysicalMemory::for_each_pageblock(const std::function<void(const PageblockFigures &)> &visit) const {
  for (const auto &zone : zones_) zone->for_each_pageblock(visit);
}

void PhysicalMemory::for_each_block(const std::function<void(Gfn, const Frame &, std::uint64_t)> &visit) const {
  for (const auto &zone : zones_) {
    for (const GfnRange &range : zone->touched()) {
      for (Gfn at = range.begin; at < range.end;) {
        const Frame &frame = frames_[at.number()];
        const bool head = frame.block == BlockState::Head;
        const std::uint64_t frames = head ? frames_in(frame.order) : 1;
        if (head) visit(at, frame, frames);
        at = at + frames;
      }
    }
  }
}

std::uint64_t PhysicalMemory::metadata_bytes() const {
  std::uint64_t bytes = frames_.size() * sizeof(Frame) + pageblocks_.size() * sizeof(PageBlock);
  for (const auto &zone : zones_) bytes += sizeof(Zone) + zone->metadata_bytes();
  return bytes;
}

std::string PhysicalMemory::invariant() const {
  for (const auto &zone : zones_)
    if (std::string wrong = zone->invariant(); !wrong.empty())
      return "node " + std::to_string(zone->node()) + ", zone " + std::string(name(zone->type())) + ": " + wrong;
  return {};
}

} // namespace pagoda::phys
