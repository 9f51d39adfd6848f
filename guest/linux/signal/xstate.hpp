// The vector and floating-point state in a signal frame: an XSAVE image in standard format that says
// of itself how long it is, so that old and new programs can both use it.
//
// Source: Linux struct _fpx_sw_bytes (asm/sigcontext.h), Intel SDM vol. 1 ch. 13. What comes back
// from a program is hostile: reserved bits would make the processor refuse the whole image.
#pragma once

#include <cstdint>
#include <vector>

#include "guest/linux/cpu.hpp"
#include "mmu/space/space.hpp"

namespace pagoda::kernel {

// Bytes the image takes in a frame, the closing magic included.
[[nodiscard]] std::uint64_t xstate_frame_size(std::uint32_t xsave_size);
// The image as it goes into the frame.
[[nodiscard]] std::vector<std::byte> xstate_to_frame(const FpuState &state, std::uint32_t xsave_size);
// Reads an image from the frame at `from` (0: the initial state); false when it cannot be read.
[[nodiscard]] bool xstate_from_frame(space::Space &space, Gva from, std::uint32_t xsave_size, const FpuState &initial,
                                     FpuState &out);
// State components (bits of XCR0) that fit an image of that size on this processor.
[[nodiscard]] std::uint64_t xstate_components(std::uint32_t xsave_size);

} // namespace pagoda::kernel
