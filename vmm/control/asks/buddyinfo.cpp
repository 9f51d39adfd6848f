// {"fragmentation":true}: the indices of fragmentation by order in place of the free blocks.
#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/proc/zone_text.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"
#include "vmm/control/figures_text.hpp"

namespace pagoda::vmm::control {

Handler buddyinfo_handler(const SharedSubject &subject) {
  return {"buddyinfo", "free blocks of each zone by order; with \"fragmentation\" the indices of it",
          [subject](const Json &with) -> Answer {
            const auto fragmentation = flag_argument(with, "fragmentation");
            if (!fragmentation) return std::unexpected(fragmentation.error());
            const auto memory = kernel::memory_snapshot(subject->kernel).memory;
            Json zones = Json::array();
            for (const phys::ZoneFigures &zone : memory.zones)
              zones.push_back(free_blocks_json(zone, Fragmentation(*fragmentation)));
            return Json{{"text", *fragmentation ? fragmentation_text(memory) : kernel::buddyinfo_text(memory)},
                        {"figures", {{"zones", std::move(zones)}}}};
          }};
}

} // namespace pagoda::vmm::control
