#include "mmu/phys/fragmentation.hpp"

namespace pagoda::phys {

ContiguousFree contiguous_free(std::span<const std::uint64_t> free_blocks, Order order) {
  ContiguousFree free;
  for (std::size_t i = 0; i < free_blocks.size(); ++i) {
    free.blocks += free_blocks[i];
    free.frames += free_blocks[i] << i;
    if (i >= order) free.suitable += free_blocks[i] << (i - order);
  }
  return free;
}

unsigned unusable_free_index(std::span<const std::uint64_t> free_blocks, Order order) {
  const ContiguousFree free = contiguous_free(free_blocks, order);
  if (free.frames == 0) return 1000;
  return unsigned((free.frames - (free.suitable << order)) * 1000 / free.frames);
}

int fragmentation_index(std::span<const std::uint64_t> free_blocks, Order order) {
  const ContiguousFree free = contiguous_free(free_blocks, order);
  if (order >= free_blocks.size() || free.blocks == 0) return 0;
  if (free.suitable != 0) return -1000;
  return 1000 - int((1000 + (free.frames * 1000 >> order)) / free.blocks);
}

} // namespace pagoda::phys
