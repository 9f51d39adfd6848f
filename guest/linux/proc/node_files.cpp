// /sys/devices/system/node, and the links between CPUs and their nodes.
#include <algorithm>
#include <fmt/format.h>

#include "guest/linux/kernel.hpp"
#include "guest/linux/proc/bitmap_text.hpp"
#include "guest/linux/proc/memory_snapshot.hpp"
#include "guest/linux/proc/register.hpp"

namespace pagoda::kernel {

namespace {

// Which nodes a list shows.
using Choose = bool (*)(const phys::MemoryFigures &, const phys::NodeFigures &);

bool is_online(const phys::MemoryFigures &, const phys::NodeFigures &) { return true; }
bool has_cpu(const phys::MemoryFigures &, const phys::NodeFigures &node) { return !node.cpus.empty(); }
bool has_memory(const phys::MemoryFigures &, const phys::NodeFigures &node) { return node.present != 0; }
// Memory that the kernel can use for itself: not of the movable zone alone.
bool has_normal(const phys::MemoryFigures &memory, const phys::NodeFigures &node) {
  return std::ranges::any_of(memory.zones, [&](const phys::ZoneFigures &zone) {
    return zone.node == node.node && zone.present != 0 && zone.type <= phys::ZoneType::Normal;
  });
}

void add_list(SyntheticTree &sys, std::string_view name, Choose choose) {
  sys.file(fmt::format("devices/system/node/{}", name), [choose](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    const phys::MemoryFigures memory = view.kernel->platform().memory.figures();
    phys::NodeMask nodes;
    for (const phys::NodeFigures &node : memory.nodes)
      if (choose(memory, node)) nodes.add(node.node);
    return list_text(nodes.bits()) + "\n";
  });
}

// A file of one node, from its figures and share.
template <class Text> Generate of_node(Text text) {
  return [text](const View &view) -> Content {
    if (view.kernel == nullptr) return unexpected(ENOENT);
    const MemorySnapshot snapshot = memory_snapshot(*view.kernel);
    if (view.node >= snapshot.memory.nodes.size()) return unexpected(ENOENT);
    return text(snapshot.memory.nodes[view.node], snapshot.shares[view.node]);
  };
}

Content cpumap(const View &view) {
  if (view.kernel == nullptr) return unexpected(ENOENT);
  const phys::Topology &topology = view.kernel->platform().memory.topology();
  if (view.node >= topology.nodes.size()) return unexpected(ENOENT);
  const auto cpus = unsigned(std::max<std::size_t>(1, view.kernel->platform().cpus.size()));
  return bitmap_text(cpu_set(topology.nodes[view.node].cpus), cpus) + "\n";
}

} // namespace

void add_nodes(SyntheticTree &sys) {
  add_list(sys, "online", is_online);
  add_list(sys, "possible", is_online);
  add_list(sys, "has_cpu", has_cpu);
  add_list(sys, "has_memory", has_memory);
  add_list(sys, "has_normal_memory", has_normal);

  const std::string base = "devices/system/node/{node}/";
  sys.file(base + "meminfo", of_node(node_meminfo_text));
  sys.file(base + "vmstat", of_node(node_vmstat_text));
  sys.file(base + "numastat",
           of_node([](const phys::NodeFigures &node, const NodeShare &) { return node_numastat_text(node); }));
  sys.file(base + "distance",
           of_node([](const phys::NodeFigures &node, const NodeShare &) { return node_distance_text(node); }));
  sys.file(base + "cpulist", of_node([](const phys::NodeFigures &node, const NodeShare &) {
             return list_text(cpu_set(node.cpus)) + "\n";
           }));
  sys.file(base + "cpumap", cpumap);
  sys.link(base + "{node_cpu}", [](const View &view) -> Content { return fmt::format("../../cpu/cpu{}", view.cpu); });
  sys.link("devices/system/cpu/{cpu}/{cpu_node}",
           [](const View &view) -> Content { return fmt::format("../../node/node{}", view.node); });
}

} // namespace pagoda::kernel
