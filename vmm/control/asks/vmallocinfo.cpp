// {"areas":…}: where each lies in the range, never where the range lies in the host.
#include "guest/linux/proc/vmalloc_text.hpp"
#include "vmm/control/asks/asks.hpp"

namespace pagoda::vmm::control {
namespace {

Json areas_json(const std::vector<space::VmallocFigures> &areas) {
  Json list = Json::array();
  if (areas.empty()) return list;
  const auto *first = static_cast<const std::byte *>(areas.front().begin);
  for (const space::VmallocFigures &area : areas)
    list.push_back({{"offset", static_cast<const std::byte *>(area.begin) - first},
                    {"bytes", area.bytes},
                    {"frames", area.pages}});
  return list;
}

} // namespace

Handler vmallocinfo_handler(const SharedSubject &subject) {
  return {"vmallocinfo", "areas of the kernel's memory that are contiguous by address alone",
          [subject](const Json &) -> Answer {
            const space::Vmalloc *vmalloc = subject->kernel.platform().vmalloc;
            const auto areas = vmalloc == nullptr ? std::vector<space::VmallocFigures>{} : vmalloc->figures();
            return Json{{"text", kernel::vmallocinfo_text(areas)},
                        {"figures",
                         {{"total_bytes", vmalloc == nullptr ? 0 : vmalloc->total_bytes()},
                          {"used_bytes", vmalloc == nullptr ? 0 : vmalloc->used_bytes()},
                          {"areas", areas_json(areas)}}}};
          }};
}

} // namespace pagoda::vmm::control
