// A sample of the memory for a picture: zones with their free blocks, slab caches, and with
// {"pageblocks":true} every pageblock as [first frame, present, free, largest free order, migratetype].
#include <map>

#include <fmt/format.h>

#include "guest/linux/proc/memory_snapshot.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {
namespace {

constexpr std::uint64_t kMostPageblocks = 1 << 20; // 2 TiB: more would be no picture

using ZoneKey = std::pair<phys::NodeId, phys::ZoneType>;

unsigned largest_order(const phys::PageblockFigures &pageblock) {
  if (pageblock.whole >= phys::kPageblockOrder) return pageblock.whole;
  for (unsigned order = phys::kPageblockOrder + 1; order-- > 0;)
    if (pageblock.free_blocks[order] != 0) return order;
  return 0;
}

std::map<ZoneKey, Json> pageblocks_by_zone(const phys::PhysicalMemory &memory) {
  std::map<ZoneKey, Json> zones;
  memory.for_each_pageblock([&](const phys::PageblockFigures &p) {
    Json &list = zones.try_emplace(ZoneKey{p.node, p.zone}, Json::array()).first->second;
    list.push_back(Json::array({p.first.number(), p.present, p.free, largest_order(p), phys::name(p.migratetype)}));
  });
  return zones;
}

Json cache_json(const phys::CacheFigures &cache) {
  return {{"name", cache.name},           {"object_size", cache.object_size},
          {"stride", cache.stride},       {"active", cache.active_objects},
          {"total", cache.total_objects}, {"bytes", cache.bytes()}};
}

Json sample(const Subject &vm, bool with_pageblocks) {
  const auto figures = kernel::memory_snapshot(vm.kernel).memory;
  auto pageblocks = with_pageblocks ? pageblocks_by_zone(vm.kernel.platform().memory) : std::map<ZoneKey, Json>{};
  Json zones = Json::array(), caches = Json::array();
  for (const phys::ZoneFigures &zone : figures.zones) {
    Json object = free_blocks_json(zone, Fragmentation::No);
    object["managed"] = zone.managed;
    object["free"] = zone.free;
    if (auto of_zone = pageblocks.find({zone.node, zone.type}); of_zone != pageblocks.end())
      object["pageblocks"] = std::move(of_zone->second);
    zones.push_back(std::move(object));
  }
  for (const phys::CacheFigures &cache : kernel::cache_figures(vm.kernel)) caches.push_back(cache_json(cache));
  return {{"time_ns", vm.kernel.now_ns()},   {"name", vm.name},
          {"program", vm.program},           {"host_kind", vmm::name(vm.host_kind)},
          {"memory_bytes", vm.memory_bytes}, {"zones", std::move(zones)},
          {"caches", std::move(caches)}};
}

} // namespace

Handler memory_handler(const SharedSubject &subject) {
  return {"memory", "a sample for `pagoda report memory`; with \"pageblocks\" each of those",
          [subject](const Json &with) -> Answer {
            const auto pageblocks = flag_argument(with, "pageblocks");
            if (!pageblocks) return std::unexpected(pageblocks.error());
            if (*pageblocks && subject->memory_bytes >> kPageShift >> phys::kPageblockOrder > kMostPageblocks)
              return std::unexpected(Refusal{"the VM has too many pageblocks for one answer", "ask without them"});
            return sample(*subject, *pageblocks);
          }};
}

} // namespace pagoda::vmm::control
