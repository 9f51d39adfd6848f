#include "mmu/fault/window.hpp"

#include <bit>

namespace pagoda::fault {

Frames::~Frames() {
  for (std::uint32_t i = 0; i < kFaultAround; ++i) drop(i);
}

bool Frames::allocate(PageMask wanted, std::uint32_t page, phys::FrameKind kind, phys::Owner owner,
                      phys::Zeroed zeroed) {
  std::array<Gfn, kFaultAround> got;
  const auto count = std::size_t(std::popcount(wanted));
  const std::size_t had = memory_.allocate_bulk(std::span(got).first(count), kind, owner, zeroed);
  if (had == 0) return false;
  if (had < count) {
    // Memory is short: the neighbours can wait.
    for (std::size_t i = 1; i < had; ++i) memory_.put(got[i]);
    adopt(page, got[0]);
    return true;
  }
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < kFaultAround; ++i)
    if (((wanted >> i) & 1) != 0) adopt(i, got[next++]);
  return true;
}

void Frames::adopt(std::uint32_t i, Gfn frame) {
  frames_[i] = frame;
  held_ |= PageMask(1) << i;
}

void Frames::drop(std::uint32_t i) {
  if (!has(i)) return;
  memory_.put(frames_[i]);
  taken(i);
}

std::span<const Gfn> Frames::run(std::uint32_t first) const {
  std::uint32_t end = first;
  while (end < kFaultAround && has(end)) ++end;
  return std::span(frames_).subspan(first, end - first);
}

} // namespace pagoda::fault
