#include "mmu/fault/cases/cases.hpp"

namespace pagoda::fault {

Filled fill_zero_pages(const space::Space &space, const Window &window, Frames &frames) {
  phys::Request request;
  request.kind = phys::FrameKind::Anonymous;
  request.owner = space.owner();
  if (!frames.allocate(window, window.holes, request)) return std::unexpected(Case::OutOfMemory);
  return {};
}

} // namespace pagoda::fault
