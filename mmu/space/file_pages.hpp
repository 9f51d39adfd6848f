// Reading consecutive file pages into frames: what private and shared file mappings have in common.
#pragma once

#include <cstdint>
#include <span>

#include "mmu/base/error.hpp"
#include "mmu/phys/physical_memory.hpp"
#include "mmu/space/file_store.hpp"

namespace pagoda::space {

// How many of `wanted` pages from page-aligned `offset` begin inside a file of `size` bytes.
[[nodiscard]] std::size_t pages_within(std::uint64_t size, std::uint64_t offset, std::size_t wanted);

// Fills frame i with the file's page at offset + i*4K; physically adjacent frames are read at once.
// Returns how many leading pages hold anything of the file; the tail of the last one is zero.
// Frames past that count have undefined content. Call without locks held.
[[nodiscard]] Result<std::size_t> read_pages(FileStore &store, phys::PhysicalMemory &memory, std::uint64_t offset,
                                             std::span<const Gfn> frames);

} // namespace pagoda::space
