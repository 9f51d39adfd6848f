#include "guest/linux/proc/memory_snapshot.hpp"
#include "vmm/control/asks/asks.hpp"
#include "vmm/control/figures_json.hpp"
#include "vmm/control/figures_text.hpp"

namespace pagoda::vmm::control {

Handler numa_handler(const SharedSubject &subject) {
  return {"numa", "nodes: CPUs, memory, distances, where allocations landed", [subject](const Json &) -> Answer {
            const auto memory = kernel::memory_snapshot(subject->kernel).memory;
            Json nodes = Json::array();
            for (const phys::NodeFigures &node : memory.nodes) nodes.push_back(json_of(node));
            return Json{{"text", numa_text(memory)}, {"figures", {{"nodes", std::move(nodes)}}}};
          }};
}

} // namespace pagoda::vmm::control
