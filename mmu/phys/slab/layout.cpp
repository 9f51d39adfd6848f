#include "mmu/phys/slab/layout.hpp"

#include <algorithm>

namespace pagoda::phys {

namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kLink = sizeof(void *);
constexpr unsigned kMaxOrderByChoice = 3; // as slub_max_order: larger slabs for large objects alone
// Objects per slab at least, where that stays within the order above.
constexpr std::size_t kMinObjects = 128;
constexpr std::size_t kFewObjects = 8; // with CacheFlags::SmallSlabs
constexpr std::size_t kMaxObjects = 0xffff;

std::size_t align_up(std::size_t value, std::size_t unit) { return (value + unit - 1) & ~(unit - 1); }

std::size_t alignment_of(const CacheSpec &spec) {
  std::size_t alignment = std::max(spec.alignment, alignof(void *));
  if (!has(spec.flags, CacheFlags::HwCacheAlign)) return alignment;
  // Small objects share a line, as many as fit.
  std::size_t line = kCacheLine;
  while (spec.size <= line / 2) line /= 2;
  return std::max(alignment, line);
}

// The smallest order that wastes at most 1/16 of the slab and holds enough objects, else 1/8, 1/4.
unsigned choose_order(std::size_t stride, std::size_t objects) {
  const auto least = unsigned(std::bit_width((stride - 1) >> kPageShift));
  for (std::size_t fraction = 16; fraction >= 4; fraction /= 2)
    for (unsigned order = least; order <= kMaxOrderByChoice; ++order) {
      const std::size_t bytes = kPageSize << order;
      const bool enough = bytes / stride >= objects || order == kMaxOrderByChoice;
      if (enough && bytes % stride <= bytes / fraction) return order;
    }
  return std::max(least, kMaxOrderByChoice);
}

// Newton: each step doubles the number of right bits.
std::uint64_t inverse_of_odd(std::uint64_t odd) {
  std::uint64_t inverse = odd;
  for (int step = 0; step < 6; ++step) inverse *= 2 - odd * inverse;
  return inverse;
}

} // namespace

Result<SlabLayout> SlabLayout::of(const CacheSpec &spec, std::size_t extra) {
  if (spec.size == 0 || spec.size > kMaxObjectSize) return unexpected(Error::Invalid);
  if (spec.alignment != 0 && (!std::has_single_bit(spec.alignment) || spec.alignment > kPageSize))
    return unexpected(Error::Invalid);
  SlabLayout layout;
  layout.size = spec.size;
  layout.alignment = alignment_of(spec);
  // A constructed object keeps its state while it is free: its link lies behind it.
  const bool keeps_state = spec.constructor != nullptr;
  const std::size_t object = keeps_state ? align_up(spec.size, kLink) + kLink : std::max(spec.size, kLink);
  layout.link = keeps_state ? std::uint32_t(align_up(spec.size, kLink)) : 0;
  layout.stride = align_up(object + extra, layout.alignment);
  const bool few = has(spec.flags, CacheFlags::SmallSlabs);
  layout.order = std::uint8_t(choose_order(layout.stride, few ? kFewObjects : kMinObjects));
  layout.objects = std::uint32_t(std::min(layout.bytes() / layout.stride, kMaxObjects));
  layout.shift = std::uint8_t(std::countr_zero(layout.stride));
  layout.inverse = inverse_of_odd(layout.stride >> layout.shift);
  return layout;
}

} // namespace pagoda::phys
