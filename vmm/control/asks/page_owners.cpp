#include "vmm/control/asks/page_owners.hpp"

#include <fmt/format.h>

namespace pagoda::vmm::control {

std::map<phys::Owner, KindCounts> pages_by_owner(const phys::PhysicalMemory &memory) {
  std::map<phys::Owner, KindCounts> owners;
  memory.for_each_block([&](Gfn, const phys::Frame &frame, std::uint64_t frames) {
    const phys::FrameKind kind = frame.kind;
    if (unsigned(kind) < phys::kFrameKinds) owners[frame.owner][unsigned(kind)] += frames;
  });
  return owners;
}

std::map<phys::Owner, std::string> owner_names(kernel::Kernel &kernel) {
  std::map<phys::Owner, std::string> names;
  const LockGuard guard(kernel.mutex);
  for (const auto &[pid, process] : kernel.processes) {
    if (!process->space) continue;
    std::string &name = names[process->space->owner()];
    name += fmt::format("{}{} ({})", name.empty() ? "" : ", ", process->leader().name, pid);
  }
  return names;
}

} // namespace pagoda::vmm::control
