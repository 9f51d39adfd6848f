#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/proc/zone_text.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {

Handler zoneinfo_handler(const SharedSubject &subject) {
  return {"zoneinfo", "zones: sizes, watermarks, reserves, per-CPU lists", [subject](const Json &) -> Answer {
            const auto memory = kernel::memory_snapshot(subject->kernel).memory;
            Json zones = Json::array();
            for (const phys::ZoneFigures &zone : memory.zones) zones.push_back(json_of(zone));
            return Json{{"text", kernel::zoneinfo_text(memory)}, {"figures", {{"zones", std::move(zones)}}}};
          }};
}

} // namespace pagoda::vmm::control
