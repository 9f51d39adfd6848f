// Getting hold of a program's pages from the host: look up, else fault in, and take a reference.
#pragma once

#include <expected>
#include <span>

#include "mmu/fault/fault.hpp"

namespace pagoda::fault {

// Takes one reference on each of the leading pages from page-aligned `page` that allow `access`, up
// to frames.size() of them and never past the user half; why not, when the first one does not.
[[nodiscard]] std::expected<std::size_t, Outcome> pin_pages(space::Space &space, Gva page, Access access,
                                                            std::span<Gfn> frames);

} // namespace pagoda::fault
