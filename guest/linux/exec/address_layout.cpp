#include "guest/linux/exec/address_layout.hpp"

#include <algorithm>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {
namespace {

// Two thirds of the user half: ELF_ET_DYN_BASE.
constexpr Gva kImageBase{0x555555554000};
constexpr std::uint64_t kMinStackGap = 128ull << 20;
constexpr std::uint64_t kMaxStackGap = (space::kUserEnd.value() / 6) * 5;

constexpr std::uint64_t random_pages(std::uint64_t bits, unsigned width) {
  return (bits & ((1ull << width) - 1)) << kPageShift;
}

} // namespace

AddressLayout randomise_layout(std::uint64_t stack_limit, const std::function<std::uint64_t()> &random) {
  constexpr unsigned kStackBits = 22; // 16 GiB
  constexpr unsigned kMmapBits = 28;  // 1 TiB, mmap_rnd_bits
  constexpr unsigned kBreakBits = 13; // 32 MiB
  AddressLayout layout;
  layout.stack_top = space::kUserEnd - random_pages(random(), kStackBits);
  const std::uint64_t guard = space::kStackGuardPages << kPageShift;
  const std::uint64_t gap = page_ceil(std::clamp(stack_limit, kMinStackGap, kMaxStackGap - guard)) + guard;
  layout.mmap_top = layout.stack_top - gap - random_pages(random(), kMmapBits);
  layout.image_base = kImageBase + random_pages(random(), kMmapBits);
  layout.break_gap = random_pages(random(), kBreakBits);
  return layout;
}

} // namespace pagoda::kernel
