#include "mmu/fault/window.hpp"

#include "mmu/space/policy_pages.hpp"

namespace pagoda::fault {

Frames::~Frames() {
  for (std::uint32_t i = 0; i < kFaultAroundMost; ++i) drop(i);
}

bool Frames::allocate(const Window &window, PageMask wanted, const phys::Request &request) {
  std::array<Gfn, kFaultAroundMost> got;
  std::array<std::uint64_t, kFaultAroundMost> numbers;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < kFaultAroundMost; ++i)
    if (((wanted >> i) & 1) != 0) numbers[count++] = window.number + i;
  const std::size_t had = space::allocate_under(memory_, window.policy, std::span(numbers).first(count),
                                                std::span(got).first(count), request);
  if (had == 0) return false;
  if (had < count) {
    // Memory is short: the neighbours can wait.
    memory_.put_all(std::span(got).subspan(1, had - 1));
    adopt(window.index(), got[0]);
    return true;
  }
  for (std::size_t i = 0; i < count; ++i) adopt(std::uint32_t(numbers[i] - window.number), got[i]);
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
  while (end < kFaultAroundMost && has(end)) ++end;
  return std::span(frames_).subspan(first, end - first);
}

} // namespace pagoda::fault
