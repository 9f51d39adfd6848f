#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/proc/zone_text.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {

Handler pagetypeinfo_handler(const SharedSubject &subject) {
  return {"pagetypeinfo", "free blocks and pageblocks by migratetype", [subject](const Json &) -> Answer {
            const auto memory = kernel::memory_snapshot(subject->kernel).memory;
            Json zones = Json::array();
            for (const phys::ZoneFigures &zone : memory.zones) zones.push_back(pagetypes_json(zone));
            return Json{{"text", kernel::pagetypeinfo_text(memory)},
                        {"figures", {{"pageblock_order", phys::kPageblockOrder}, {"zones", std::move(zones)}}}};
          }};
}

} // namespace pagoda::vmm::control
