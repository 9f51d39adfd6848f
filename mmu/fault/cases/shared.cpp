#include "mmu/fault/cases/cases.hpp"

namespace pagoda::fault {

Filled fill_from_object(const Window &window, Frames &frames) {
  std::array<Gfn, kFaultAroundMost> got;
  const auto had = window.object->pages(window.offset, std::span(got).first(window.pages()));
  for (std::uint32_t i = 0; i < had.value_or(0); ++i) frames.adopt(i, got[i]);
  if (!frames.has(window.index())) {
    // A neighbour below failed, or memory is short: the page that faulted, alone.
    const auto page = window.object->page(window.offset_at(window.index()));
    if (!page) return std::unexpected(case_of(page.error()));
    frames.adopt(window.index(), *page);
  }
  for (std::uint32_t i = 0; i < window.pages(); ++i)
    if (((window.holes >> i) & 1) == 0) frames.drop(i);
  return {};
}

} // namespace pagoda::fault
