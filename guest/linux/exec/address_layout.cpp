#include "guest/linux/exec/address_layout.hpp"

#include <algorithm>

#include "mmu/space/space.hpp"

namespace pagoda::kernel {
namespace {

constexpr std::uint64_t kMinStackGap = 128ull << 20;

// Where images begin, and how far chance moves each part: widths in bits of a number of pages.
struct Choices {
  Gva image_base;
  unsigned stack_bits, mmap_bits, break_bits;
};
// Two thirds of the user half (ELF_ET_DYN_BASE); 16 GiB, 1 TiB (mmap_rnd_bits), 32 MiB.
constexpr Choices kChoices64{Gva(0x555555554000), 22, 28, 13};
// Where 32-bit programs are used to lie; 8 MiB, 1 MiB (mmap_rnd_compat_bits), 32 MiB.
constexpr Choices kChoices32{Gva(0x56555000), 11, 8, 13};
constexpr std::uint64_t kFourGigabytes = 1ull << 32;

constexpr std::uint64_t random_pages(std::uint64_t bits, unsigned width) {
  return (bits & ((1ull << width) - 1)) << kPageShift;
}

} // namespace

AddressLayout randomise_layout(Gva user_end, std::uint64_t stack_limit, const std::function<std::uint64_t()> &random) {
  const Choices &choices = user_end.value() < kFourGigabytes ? kChoices32 : kChoices64;
  const std::uint64_t max_stack_gap = page_floor((user_end.value() / 6) * 5);
  AddressLayout layout;
  layout.stack_top = user_end - random_pages(random(), choices.stack_bits);
  const std::uint64_t guard = space::kStackGuardPages << kPageShift;
  const std::uint64_t gap = page_ceil(std::clamp(stack_limit, kMinStackGap, max_stack_gap - guard)) + guard;
  layout.mmap_top = layout.stack_top - gap - random_pages(random(), choices.mmap_bits);
  layout.image_base = choices.image_base + random_pages(random(), choices.mmap_bits);
  layout.break_gap = random_pages(random(), choices.break_bits);
  return layout;
}

} // namespace pagoda::kernel
