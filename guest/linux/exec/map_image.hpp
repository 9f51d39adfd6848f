// Putting a parsed ELF image into a space, segment by segment.
#pragma once

#include <expected>
#include <memory>
#include <optional>

#include "guest/linux/exec/elf.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {

struct MappedImage {
  std::uint64_t bias = 0; // added to every address of the file
  Gva entry;
  Gva headers;    // AT_PHDR, 0 when they are not loaded
  Gva begin, end; // of all segments, end not rounded
  Gva code_begin, code_end, data_begin, data_end;
};

// `base` is where a position-independent image should begin; none: wherever mmap puts it. An errno
// on failure; what was mapped by then goes with the space.
[[nodiscard]] std::expected<MappedImage, int> map_image(space::Space &space, const ElfImage &image,
                                                        const std::shared_ptr<space::FileStore> &file,
                                                        std::optional<Gva> base);

} // namespace pagoda::kernel
