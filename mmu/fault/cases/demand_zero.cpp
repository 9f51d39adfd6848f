#include "mmu/fault/cases/cases.hpp"

namespace pagoda::fault {

Filled fill_zero_pages(const space::Space &space, const Window &window, Frames &frames) {
  if (!frames.allocate(window.holes, window.index(), phys::FrameKind::Anonymous, space.owner(), phys::Zeroed::Yes))
    return std::unexpected(Case::OutOfMemory);
  return {};
}

} // namespace pagoda::fault
