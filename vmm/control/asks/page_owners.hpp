// Who has the guest's frames: counted from the page descriptors.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "mmu/phys/frame.hpp"
#include "vmm/control/figures_text.hpp"
#include "vmm/control/subject.hpp"

namespace pagoda::vmm::control {

// Frames that were handed out, by owner and kind. A walk beside a guest that runs: a frame that moves
// meanwhile is counted where it was seen.
[[nodiscard]] std::map<phys::Owner, KindCounts> pages_by_owner(const phys::PhysicalMemory &memory);

// The processes that use an address space, as "name (pid)"; owners that are none are not in it.
[[nodiscard]] std::map<phys::Owner, std::string> owner_names(kernel::Kernel &kernel);

} // namespace pagoda::vmm::control
