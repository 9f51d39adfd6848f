#include "vmm/control/figures_json.hpp"

#include "mmu/phys/fragmentation.hpp"

namespace pagoda::vmm::control {
namespace {

Json head(const phys::ZoneFigures &zone) { return {{"node", zone.node}, {"zone", phys::name(zone.type)}}; }

Json per_cpu_json(const phys::PerCpuFigures &cpu) {
  return {{"slot", cpu.slot}, {"count", cpu.count}, {"high", cpu.high}, {"batch", cpu.batch}};
}

Json lowmem_reserve_json(const phys::ZoneFigures &zone) {
  Json object = Json::object();
  for (unsigned i = 0; i < phys::kZoneTypes; ++i)
    if (zone.lowmem_reserve[i] != 0) object[std::string(phys::name(phys::ZoneType(i)))] = zone.lowmem_reserve[i];
  return object;
}

// Of the blocks of one migratetype, no further than the zone's highest order.
Json orders(const phys::BlocksByOrder &blocks, phys::Order highest) {
  Json list = Json::array();
  for (std::size_t order = 0; order <= highest && order < blocks.size(); ++order) list.push_back(blocks[order]);
  return list;
}

} // namespace

std::vector<std::uint64_t> free_blocks(const phys::ZoneFigures &zone) {
  std::vector<std::uint64_t> blocks;
  for (phys::Order order = 0; order <= zone.max_order && order <= phys::kLargestOrder; ++order)
    blocks.push_back(zone.blocks(order));
  return blocks;
}

Json kinds_json(std::span<const std::uint64_t, phys::kFrameKinds> by_kind) {
  Json object = Json::object();
  for (unsigned i = 0; i < phys::kFrameKinds; ++i)
    if (by_kind[i] != 0) object[std::string(phys::name(phys::FrameKind(i)))] = by_kind[i];
  return object;
}

Json free_blocks_json(const phys::ZoneFigures &zone, Fragmentation with) {
  Json object = head(zone);
  const auto blocks = free_blocks(zone);
  object["free_blocks"] = blocks;
  if (with == Fragmentation::No) return object;
  Json unusable = Json::array(), index = Json::array();
  for (std::size_t order = 0; order < blocks.size(); ++order) {
    unusable.push_back(phys::unusable_free_index(blocks, phys::Order(order)));
    index.push_back(phys::fragmentation_index(blocks, phys::Order(order)));
  }
  object["unusable_free_index_permille"] = std::move(unusable);
  object["fragmentation_index_permille"] = std::move(index);
  return object;
}

Json pagetypes_json(const phys::ZoneFigures &zone) {
  Json object = head(zone), free = Json::object(), pageblocks = Json::object();
  for (unsigned i = 0; i < phys::kMigratetypes; ++i) {
    const std::string type(phys::name(phys::Migratetype(i)));
    free[type] = orders(zone.free_blocks[i], zone.max_order);
    pageblocks[type] = zone.pageblocks[i];
  }
  object["free_blocks"] = std::move(free);
  object["pageblocks"] = std::move(pageblocks);
  object["claimed_pageblocks"] = zone.claims;
  object["stolen"] = zone.steals;
  return object;
}

Json json_of(const phys::ZoneFigures &zone) {
  Json object = head(zone), per_cpu = Json::array();
  for (const phys::PerCpuFigures &cpu : zone.per_cpu) per_cpu.push_back(per_cpu_json(cpu));
  object.update({{"start_frame", zone.start.number()},
                 {"spanned", zone.spanned},
                 {"present", zone.present},
                 {"managed", zone.managed},
                 {"free", zone.free},
                 {"fresh", zone.fresh},
                 {"isolated", zone.isolated},
                 {"high_atomic", zone.high_atomic},
                 {"watermarks", {{"min", zone.min}, {"low", zone.low}, {"high", zone.high}}},
                 {"lowmem_reserve", lowmem_reserve_json(zone)},
                 {"allocations", zone.allocations},
                 {"frees", zone.frees},
                 {"by_kind", kinds_json(zone.by_kind)},
                 {"per_cpu_frames", zone.per_cpu_frames},
                 {"per_cpu", std::move(per_cpu)}});
  return object;
}

Json json_of(const phys::NodeFigures &node) {
  return {{"node", node.node},
          {"cpus", node.cpus},
          {"distances", node.distances},
          {"present", node.present},
          {"managed", node.managed},
          {"free", node.free},
          {"by_kind", kinds_json(node.by_kind)},
          {"numa_hit", node.numa_hit},
          {"numa_miss", node.numa_miss},
          {"numa_foreign", node.numa_foreign},
          {"interleave_hit", node.interleave_hit},
          {"local_node", node.local_node},
          {"other_node", node.other_node}};
}

Json json_of(const phys::CacheFigures &cache) {
  return {{"name", cache.name},
          {"aliases", cache.aliases},
          {"object_bytes", cache.object_size},
          {"stride_bytes", cache.stride},
          {"active_objects", cache.active_objects},
          {"total_objects", cache.total_objects},
          {"objects_per_slab", cache.objects_per_slab},
          {"frames_per_slab", cache.pages_per_slab},
          {"active_slabs", cache.active_slabs},
          {"partial_slabs", cache.partial_slabs},
          {"total_slabs", cache.total_slabs},
          {"bytes", cache.bytes()},
          {"waste_bytes", cache.waste_bytes},
          {"misuses_refused", cache.misuses}};
}

} // namespace pagoda::vmm::control
