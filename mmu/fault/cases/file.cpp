// Private file mappings: every page is the process's own from the start, so a later write needs no
// second fault.
#include "mmu/fault/cases/cases.hpp"
#include "mmu/space/file_pages.hpp"

namespace pagoda::fault {

Filled fill_from_file(const space::Space &space, const Window &window, Frames &frames) {
  const std::size_t inside = space::pages_within(window.file->size(), window.offset, window.pages());
  if (inside <= window.index()) return std::unexpected(Case::PastEnd);
  const PageMask wanted = window.holes & first_pages(inside);
  phys::Request request;
  request.kind = phys::FrameKind::File;
  request.gfp = phys::Gfp::HighUserMovable;
  request.owner = space.owner();
  if (!frames.allocate(window, wanted, request)) return std::unexpected(Case::OutOfMemory);

  for (std::uint32_t i = 0; i < window.pages();) {
    const auto run = frames.run(i);
    if (run.empty()) {
      ++i;
      continue;
    }
    const auto read = space::read_pages(*window.file, frames.memory(), window.offset_at(i), run);
    // A bad neighbour is only left out; it will speak for itself when it is touched.
    for (std::size_t bad = read.value_or(0); bad < run.size(); ++bad) frames.drop(i + std::uint32_t(bad));
    if (!frames.has(window.index())) return std::unexpected(read ? Case::PastEnd : case_of(read.error()));
    i += std::uint32_t(run.size());
  }
  return {};
}

Case case_of(Error error) {
  switch (error) {
  case Error::OutOfMemory: return Case::OutOfMemory;
  case Error::PastEnd: return Case::PastEnd;
  default: return Case::IoError;
  }
}

} // namespace pagoda::fault
