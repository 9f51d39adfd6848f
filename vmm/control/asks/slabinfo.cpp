#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/proc/slab_text.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"

namespace pagoda::vmm::control {

Handler slabinfo_handler(const SharedSubject &subject) {
  return {"slabinfo", "slab caches: objects, slabs, bytes, what is wasted", [subject](const Json &) -> Answer {
            const auto caches = kernel::cache_figures(subject->kernel);
            Json list = Json::array();
            for (const phys::CacheFigures &cache : caches) list.push_back(json_of(cache));
            return Json{{"text", kernel::slabinfo_text(caches)}, {"figures", {{"caches", std::move(list)}}}};
          }};
}

} // namespace pagoda::vmm::control
